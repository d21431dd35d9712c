"""A picture of a running node graph: ``python -m autonomy_perception.live.draw_graph OUT.svg`` beside a running graph.

Nodes and topics are laid out in layers from left to right by the way of the data. Only the standard library draws.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

HIDDEN = ("/rosout", "/parameter_events", "/clock")
NODE_STYLE = 'fill="#1f5fa8" stroke="#123a66"'
TOPIC_STYLE = 'fill="#eef3f8" stroke="#8aa4bf"'
ROW, COLUMN, PAD, CHAR = 44, 70, 24, 7.2


@dataclass(frozen=True)
class Edge:
    """From a node to a topic (published) or from a topic to a node (subscribed)."""

    source: str
    target: str


def layers(edges: Collection[Edge]) -> list[list[str]]:
    """Vertices by layer: each right of what feeds it; edges that close a cycle are left aside."""
    follow: dict[str, list[str]] = defaultdict(list)
    for e in sorted(edges, key=lambda e: (e.source, e.target)):
        follow[e.source].append(e.target)
    vertices = sorted({v for e in edges for v in (e.source, e.target)})
    targets = {e.target for e in edges}
    state: dict[str, int] = {}
    order: list[str] = []
    back: set[tuple[str, str]] = set()

    def visit(v: str) -> None:
        state[v] = 1
        for w in follow[v]:
            if state.get(w) == 1:
                back.add((v, w))
            elif w not in state:
                visit(w)
        state[v] = 2
        order.append(v)

    for v in sorted(vertices, key=lambda v: (v in targets, v)):
        if v not in state:
            visit(v)
    depth = dict.fromkeys(vertices, 0)
    for v in reversed(order):
        for w in follow[v]:
            if (v, w) not in back:
                depth[w] = max(depth[w], depth[v] + 1)
    out: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for v in vertices:
        out[depth[v]].append(v)
    return untangled(out, edges)


def untangled(rows: list[list[str]], edges: Collection[Edge]) -> list[list[str]]:
    """The same layers, each sorted by the mean place of its neighbours (barycentre heuristic of Sugiyama et al., 1981)."""
    near: dict[str, list[str]] = defaultdict(list)
    for e in edges:
        near[e.source].append(e.target)
        near[e.target].append(e.source)
    for _ in range(6):
        place = {v: (i + 0.5) / len(row) for row in rows for i, v in enumerate(row)}
        for row in rows:
            row.sort(key=lambda v: (sum(place[w] for w in near[v]) / max(1, len(near[v])), v))
    return rows


def svg(edges: Collection[Edge], nodes: Collection[str]) -> str:
    """The picture; ``nodes`` are drawn dark, everything else is a topic."""
    rows = layers(edges)
    height = max(len(r) for r in rows) * ROW + 2 * PAD
    boxes: dict[str, tuple[float, float, float]] = {}
    x = float(PAD)
    for row in rows:
        width = max(len(v) for v in row) * CHAR + 20
        gap = (height - 2 * PAD) / len(row)
        for i, v in enumerate(row):
            boxes[v] = (x, PAD + (i + 0.5) * gap, width)
        x += width + COLUMN
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{x - COLUMN + PAD:.0f}" height="{height}" font-family="monospace" font-size="12">',
             '<defs><marker id="a" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
             '<path d="M0 0L8 4L0 8z" fill="#5b6b7b"/></marker></defs>',
             '<rect width="100%" height="100%" fill="white"/>']  # fmt: skip
    parts += [_curve(boxes[e.source], boxes[e.target]) for e in sorted(edges, key=lambda e: (e.source, e.target))]
    parts += [_box(v, at, v in nodes) for v, at in boxes.items()]
    return "\n".join([*parts, "</svg>", ""])


def _box(name: str, at: tuple[float, float, float], is_node: bool) -> str:
    x, y, width = at
    style, ink, radius = (NODE_STYLE, "white", 14) if is_node else (TOPIC_STYLE, "#1b2733", 3)
    return (f'<rect x="{x:.0f}" y="{y - 14:.0f}" width="{width:.0f}" height="28" rx="{radius}" {style}/>'
            f'<text x="{x + width / 2:.0f}" y="{y + 4:.0f}" text-anchor="middle" fill="{ink}">{escape(name)}</text>')  # fmt: skip


def _curve(source: tuple[float, float, float], target: tuple[float, float, float]) -> str:
    x0, y0, x1, y1 = source[0] + source[2], source[1], target[0], target[1]
    bend = max(40.0, abs(x1 - x0) / 2)
    path = f"M{x0:.0f} {y0:.0f}C{x0 + bend:.0f} {y0:.0f} {x1 - bend:.0f} {y1:.0f} {x1:.0f} {y1:.0f}"
    return f'<path d="{path}" fill="none" stroke="#5b6b7b" stroke-width="1.2" marker-end="url(#a)"/>'


def look(seconds: float, hidden: Sequence[str] = HIDDEN) -> tuple[set[Edge], set[str]]:
    """Edges and node names of the graph that runs now; the viewers' topics are subscribed to, so that all of it works."""
    import rclpy

    from autonomy_perception import topics
    from autonomy_perception.nodes.qos import message_class, profile

    rclpy.init()
    me = rclpy.create_node("draw_graph")
    for topic in topics.OUTPUTS:
        if topic.node == "markers":
            me.create_subscription(message_class(topic.msgtype), topic.name, lambda message: None, profile(topic.qos))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        rclpy.spin_once(me, timeout_sec=0.1)
    edges: set[Edge] = set()
    names = {n for n, _ in me.get_node_names_and_namespaces() if n != me.get_name() and not n.startswith("_")}
    for name in names:
        edges |= {Edge(name, t) for t in _shown(dict(me.get_publisher_names_and_types_by_node(name, "/")), hidden)}
        edges |= {Edge(t, name) for t in _shown(dict(me.get_subscriber_names_and_types_by_node(name, "/")), hidden)}
    me.destroy_node()
    rclpy.shutdown()
    spoken = {e.target for e in edges if e.source in names}
    return {e for e in edges if e.source in names or e.source in spoken}, names


def _shown(found: Mapping[str, object], hidden: Sequence[str]) -> list[str]:
    return [t for t in found if t not in hidden and not t.endswith(("/transition_event", "/_action/status"))]


def main() -> int:
    """Draw the graph that runs now."""
    if len(sys.argv) != 2:
        print("usage: python -m autonomy_perception.live.draw_graph OUT.svg", file=sys.stderr)
        return 2
    edges, names = look(4.0)
    if not edges:
        print("no node is running in this domain", file=sys.stderr)
        return 1
    Path(sys.argv[1]).write_text(svg(edges, names))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
