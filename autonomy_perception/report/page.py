"""One self-contained HTML page about a replay: verdict, pictures, latency, accuracy."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import jinja2
import numpy as np
from numpy.typing import NDArray

from autonomy_perception.latency import BUDGET_MS, Percentiles
from autonomy_perception.report.checks import Check


@dataclass
class Report:
    """What a replay has to say; pictures are uint8 (H,W,3) RGB with a caption."""

    title: str
    summary: Mapping[str, str] = field(default_factory=dict)
    checks: Sequence[Check] = ()
    stages_ms: Mapping[str, Sequence[float]] = field(default_factory=dict)
    latency_ms: Sequence[float] = ()
    pictures: Sequence[tuple[str, NDArray[np.uint8]]] = ()
    notes: Sequence[str] = ()

    @property
    def ok(self) -> bool:
        """True when every check held."""
        return all(c.ok for c in self.checks)


def jpeg_uri(image: NDArray[np.uint8], quality: int = 88) -> str:
    """``data:`` URI of an RGB picture (H,W,3)."""
    _, data = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()


def _latency_plot(report: Report) -> str:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 2.8), constrained_layout=True)
    left.plot(report.latency_ms, lw=0.8)
    left.set(xlabel="frame", ylabel="ms", title="latency per frame", ylim=(0, None))
    names = list(report.stages_ms)
    right.boxplot([list(report.stages_ms[n]) for n in names], tick_labels=names, whis=(1, 99), showfliers=False)
    right.set(ylabel="ms", title="stages (median, quartiles, 1..99 %)", ylim=(0, None))
    for k, name in enumerate(names):
        if name in BUDGET_MS:
            right.hlines(BUDGET_MS[name], k + 0.7, k + 1.3, colors="tab:red", lw=1)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg")
    plt.close(figure)
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()


def write_report(report: Report, path: Path) -> Path:
    """Write the page beside and rename it into place; returns ``path``."""
    rows = [(name, Percentiles.of(list(ms)), BUDGET_MS.get(name)) for name, ms in report.stages_ms.items()]
    if len(report.latency_ms):
        rows.append(("whole way", Percentiles.of(report.latency_ms), None))
    page = jinja2.Environment(autoescape=True).from_string(_PAGE)
    text = page.render(
        report=report, rows=rows, plot=_latency_plot(report) if len(report.latency_ms) and report.stages_ms else None,
        pictures=[(caption, jpeg_uri(image)) for caption, image in report.pictures],
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text)
    part.replace(path)
    return path


_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{{ report.title }}</title><style>
body{font:15px/1.5 system-ui,sans-serif;max-width:1180px;margin:2em auto;padding:0 1em;color:#1b1f24}
table{border-collapse:collapse;margin:.6em 0}td,th{padding:.25em .9em;border-bottom:1px solid #d8dee4;text-align:left}
td.n{text-align:right;font-variant-numeric:tabular-nums}.ok{color:#1a7f37}.bad{color:#cf222e;font-weight:600}
img{max-width:100%;border:1px solid #d8dee4}figure{margin:1.2em 0}figcaption{color:#57606a}
</style></head><body><h1>{{ report.title }}</h1>
{% if report.checks %}<p class="{{ 'ok' if report.ok else 'bad' }}">
{{ 'Every check held.' if report.ok else 'Some checks failed.' }}</p>{% endif %}
<table>{% for k, v in report.summary.items() %}<tr><th>{{ k }}</th><td>{{ v }}</td></tr>{% endfor %}</table>
{% if report.checks %}<h2>Checks</h2><table><tr><th>figure</th><th>value</th><th>demanded</th><th></th></tr>
{% for c in report.checks %}<tr><td>{{ c.name }}</td><td class="n">{{ c.value }}</td><td class="n">{{ c.limit }}</td>
<td class="{{ 'ok' if c.ok else 'bad' }}">{{ c.verdict }}</td></tr>{% endfor %}</table>{% endif %}
{% if rows %}<h2>Time per stage [ms]</h2><table>
<tr><th>stage</th><th>frames</th><th>p50</th><th>p95</th><th>p99</th><th>max</th><th>budget p50</th></tr>
{% for name, p, budget in rows %}<tr><td>{{ name }}</td><td class="n">{{ p.count }}</td>
{% for v in (p.p50, p.p95, p.p99, p.max) %}<td class="n">{{ '%.1f' % v }}</td>{% endfor %}
<td class="n">{{ budget if budget else '' }}</td></tr>{% endfor %}</table>{% endif %}
{% if plot %}<img src="{{ plot }}" alt="latency">{% endif %}
{% if pictures %}<h2>Pictures</h2>{% for caption, uri in pictures %}<figure><img src="{{ uri }}" alt="{{ caption }}">
<figcaption>{{ caption }}</figcaption></figure>{% endfor %}{% endif %}
{% for note in report.notes %}<p>{{ note }}</p>{% endfor %}
</body></html>"""
