"""Processes of a graph: clean end, named deaths, stubborn nodes, nothing left behind. No ROS is needed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Timer

import pytest

from autonomy_perception.nodes import graph
from autonomy_perception.nodes.supervisor import Supervisor, command, how_it_ended

SERVE = "import signal, sys, time\nsignal.signal(signal.SIGINT, lambda *_: sys.exit(0))\nprint('up', flush=True)\ntime.sleep(60)\n"
SCRIPTS = {
    "serves": SERVE,
    "crashes": "import os, signal\nprint('about to fail', flush=True)\nos.kill(os.getpid(), signal.SIGSEGV)\n",
    "refuses": "import sys\nprint('vehicle_file: no such file')\nsys.exit(2)\n",
    "finishes": "import time\ntime.sleep(0.3)\n",
    "stubborn": "import signal, time\nfor s in (2, 15):\n    signal.signal(s, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(60)\n",
    "echoes": "import sys\nprint(open(sys.argv[-1]).read())\n",
}


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """Environment in which the scripts are modules."""
    for name, text in SCRIPTS.items():
        (tmp_path / f"ap_test_{name}.py").write_text(text)
    return {**os.environ, "PYTHONPATH": str(tmp_path)}


def node(script: str, ends_graph: bool = False) -> tuple[graph.Node, dict[str, graph.Value]]:
    return graph.Node(script, script, f"ap_test_{script}", ends_graph=ends_graph), {}


def until(lines: list[str], text: str, timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not any(text in line for line in lines):
        assert time.monotonic() < deadline, f"{text!r} never came; got {lines}"
        time.sleep(0.01)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_clean_end_is_zero_and_leaves_nobody(env: dict[str, str]) -> None:
    lines: list[str] = []
    with Supervisor(lines.append, env) as supervisor:
        supervisor.start([node("serves")])
        until(lines, "[serves] up")
        pid = supervisor.pids()["serves"]
        supervisor.stop()
        assert supervisor.wait() == 0
    assert gone(pid)


def test_end_of_the_player_ends_the_graph_with_zero(env: dict[str, str]) -> None:
    lines: list[str] = []
    with Supervisor(lines.append, env) as supervisor:
        supervisor.start([node("serves")])
        until(lines, "[serves] up")
        supervisor.start([node("finishes", ends_graph=True)])
        assert supervisor.wait(timeout_s=10) == 0
    assert "finishes has ended" in lines


def test_a_crash_is_named_with_signal_and_last_words(env: dict[str, str]) -> None:
    lines: list[str] = []
    with Supervisor(lines.append, env) as supervisor:
        supervisor.start([node("serves")])
        until(lines, "[serves] up")
        supervisor.start([node("crashes", ends_graph=True)])
        assert supervisor.wait(timeout_s=10) == 1
        assert gone(supervisor.pids()["serves"])
    died = next(line for line in lines if "died" in line)
    assert died.startswith("crashes died: signal SIGSEGV") and "about to fail" in died


def test_a_view_that_dies_does_not_take_the_graph_down_but_the_exit_code_tells(env: dict[str, str]) -> None:
    lines: list[str] = []
    with Supervisor(lines.append, env) as supervisor:
        supervisor.start([node("serves", ends_graph=True)])
        until(lines, "[serves] up")
        supervisor.start([node("refuses")])
        while "refuses" in supervisor.alive():
            time.sleep(0.01)
        Timer(0.5, supervisor.stop).start()
        assert supervisor.wait() == 1
    died = next(line for line in lines if "died" in line)
    assert died.startswith("refuses died: exit code 2") and "vehicle_file: no such file" in died


def test_a_node_that_ignores_signals_is_killed_and_reported(
    env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autonomy_perception.nodes.supervisor._INT_S", 0.2)
    monkeypatch.setattr("autonomy_perception.nodes.supervisor._TERM_S", 0.2)
    lines: list[str] = []
    with Supervisor(lines.append, env) as supervisor:
        supervisor.start([node("stubborn")])
        until(lines, "[stubborn] up")
        supervisor.stop()
        assert supervisor.wait() == 1
        assert gone(supervisor.pids()["stubborn"])
    assert any(line.startswith("stubborn died: signal SIGKILL") for line in lines)


def test_nodes_end_when_the_supervisor_is_killed(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "ap_test_boss.py").write_text(
        "import sys, time\nsys.path.insert(0, sys.argv[1])\n"
        "from autonomy_perception.nodes import graph\nfrom autonomy_perception.nodes.supervisor import Supervisor\n"
        "s = Supervisor(lambda line: print(s.pids()['serves'], line, flush=True))\n"
        "s.start([(graph.Node('serves', 'serves', 'ap_test_serves'), {})])\ntime.sleep(60)\n"
    )
    boss = subprocess.Popen(
        [sys.executable, "-m", "ap_test_boss", str(tmp_path)], env=env, stdout=subprocess.PIPE, text=True
    )
    assert boss.stdout is not None
    pid = int(boss.stdout.readline().split()[0])
    boss.kill()
    boss.communicate()
    deadline = time.monotonic() + 5
    while not gone(pid):
        assert time.monotonic() < deadline, "the node outlived its supervisor"
        time.sleep(0.02)


def test_parameters_reach_the_node_with_their_types(env: dict[str, str]) -> None:
    parameters: dict[str, graph.Value] = {"bag": "/a b/'c'", "rate": 0.5, "loop": True, "topics": ["/x", "yes"]}
    lines: list[str] = []
    with Supervisor(lines.append, env) as supervisor:
        supervisor.start([(graph.Node("echoes", "echoes", "ap_test_echoes", ends_graph=True), parameters)])
        assert supervisor.wait(timeout_s=10) == 0
    import yaml

    text = "\n".join(line.removeprefix("[echoes] ") for line in lines if line.startswith("[echoes]"))
    assert yaml.safe_load(text) == {"/**": {"ros__parameters": parameters}}


def test_command_line(tmp_path: Path) -> None:
    spec = graph.Node("n", "n", "some.module", options=lambda: ("-d", "x"))
    words = command(spec, {}, tmp_path)
    assert words == [sys.executable, "-m", "some.module", "-d", "x", "--ros-args", "-r", "__node:=n", "--params-file",
                     str(tmp_path / "n.yaml")]  # fmt: skip
    assert command(graph.Node("rviz2", "rviz2", ""), {}, tmp_path)[0] == "rviz2"


def test_how_it_ended() -> None:
    assert how_it_ended(3) == "exit code 3"
    assert how_it_ended(-signal.SIGTERM) == "signal SIGTERM"
