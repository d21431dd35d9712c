"""Verdicts as JUnit XML, one test case per check, as GitHub, GitLab and Jenkins read it.

Thirty lines of the standard library: a JUnit library would be one more package for five elements.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from autonomy_perception.gate.judge import Verdict

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(path: Path, bag: str, verdicts: Sequence[Verdict], seconds: float, cannot: str = "") -> None:
    """Write the report; ``cannot``: why nothing could be judged (then a test case of its own, in error).

    Raises:
        OSError: the file cannot be written.
    """
    failed, skipped = (sum(v.ok is is_ for v in verdicts) for is_ in (False, None))
    counts = {
        "tests": str(len(verdicts) + bool(cannot)), "failures": str(failed), "errors": str(int(bool(cannot))),
        "skipped": str(skipped), "time": f"{seconds:.3f}",
    }  # fmt: skip
    root = ET.Element("testsuites", counts)
    suite = ET.SubElement(root, "testsuite", {"name": f"autonomy-perception gate {_clean(bag)}", **counts})
    for v in verdicts:
        case = ET.SubElement(
            suite, "testcase", {"classname": f"gate.{_clean(bag)}", "name": _clean(v.name), "time": "0"}
        )
        if v.ok is None:
            ET.SubElement(case, "skipped", {"message": _clean(v.detail)})
        elif not v.ok:
            judged = f"{v.value}, demanded {v.limit}: " if v.limit else ""
            message = judged + v.detail.partition("\n")[0]
            ET.SubElement(case, "failure", {"message": _clean(message), "type": "gate"}).text = _clean(v.detail)
        else:
            ET.SubElement(case, "system-out").text = _clean(f"{v.value}, demanded {v.limit}")
    if cannot:
        case = ET.SubElement(suite, "testcase", {"classname": f"gate.{_clean(bag)}", "name": "gate", "time": "0"})
        ET.SubElement(case, "error", {"message": _clean(cannot), "type": "cannot"}).text = _clean(cannot)
    ET.indent(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    ET.ElementTree(root).write(new, encoding="utf-8", xml_declaration=True)
    new.replace(path)


def _clean(text: str) -> str:
    return _NOT_XML.sub("?", text)
