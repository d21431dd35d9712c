"""Shared fixtures: the recordings, and an isolated DDS environment for tests that start ROS processes."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("any machine", deadline=None)  # how long an example takes depends on what else runs here
settings.register_profile(
    "ci", deadline=None, derandomize=True
)  # red means a change; new examples are looked for everywhere else
settings.load_profile("ci" if os.environ.get("CI") else "any machine")

ROOT = Path(__file__).resolve().parent.parent
_DOMAINS = range(10, 90)
"""ROS_DOMAIN_IDs for tests: above what people use by hand, low enough for the ports of every participant."""


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the recordings; the test is skipped where AUTONOMY_PERCEPTION_DATA does not name one."""
    given = os.environ.get("AUTONOMY_PERCEPTION_DATA")
    if not given:
        pytest.skip("AUTONOMY_PERCEPTION_DATA is not set: recordings are not at hand")
    folder = Path(given) if Path(given).is_absolute() else ROOT / given
    if not folder.is_dir():
        pytest.fail(f"AUTONOMY_PERCEPTION_DATA={given}: {folder} is not a folder")
    return folder


@pytest.fixture
def live_env(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Environment for ROS processes of one test: tuned transport, loopback discovery, a domain of its own.

    The same variables are set in this process. The domain is held by a lock for the duration of the test, so that test
    runs beside each other never meet.
    """
    from autonomy_perception.nodes import environment

    base = {k: v for k, v in os.environ.items() if k not in ("ROS_DOMAIN_ID", "ROS_LOCALHOST_ONLY")}
    with _domain() as domain:
        env = environment.of_node(base)
        env.update(ROS_DOMAIN_ID=str(domain), ROS_AUTOMATIC_DISCOVERY_RANGE="LOCALHOST")
        for name in env:
            if env[name] != os.environ.get(name):
                monkeypatch.setenv(name, env[name])
        yield env


@contextmanager
def _domain() -> Iterator[int]:
    """A ROS domain id that no other test run on this machine uses."""
    for domain in _DOMAINS:
        with Path(tempfile.gettempdir(), f"autonomy_perception_domain_{os.getuid()}_{domain}").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            yield domain
            return
    raise RuntimeError("no ROS domain is free: too many test runs at once")


@pytest.fixture(autouse=True)
def _live_one_at_a_time(request: pytest.FixtureRequest) -> Iterator[None]:
    """Live tests of one checkout never overlap, whoever starts them: they measure time on shared cores."""
    if request.node.get_closest_marker("live") is None:
        yield
        return
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build" / "live_tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Live tests come last, so that what is quick fails first."""
    items.sort(key=lambda item: item.get_closest_marker("live") is not None)
