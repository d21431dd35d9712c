"""Read rosbag2 bags (MCAP or SQLite folder, or a bare .mcap) without ROS; every fault becomes one BagError."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from rosbags.interfaces import Connection, MessageDefinitionFormat, QosDurability
from rosbags.rosbag2 import Reader
from rosbags.typesys import get_types_from_idl, get_types_from_msg
from rosbags.typesys.store import Typestore

from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.typestore import decode_cdr, typestore

LOOK_BACK_NS = 250_000_000
"""First step of :meth:`BagReader.newest_before`: sensors send their CameraInfo with every image."""


@dataclass(frozen=True)
class RawMessage:
    """One recorded message: CDR bytes as they were written, time of reception [ns]."""

    topic: str
    msgtype: str
    receive_ns: int
    data: bytes


def one_line(error: Exception) -> str:
    """An exception's text without line breaks."""
    return " ".join(str(error).split()).rstrip(".")


class BagReader:
    """Context manager over one bag.

    Raises:
        BagError: not there, not a bag, truncated (say, the recorder was killed), or not indexed.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._store: Typestore = typestore()
        self._own_types: set[str] = set()
        try:
            self._reader = Reader(self.path)
        except FileNotFoundError:
            what = "no such file or folder"
            if self.path.is_dir():
                cut_off = any(self.path.glob("*.mcap")) or any(self.path.glob("*.db3"))
                what = "no metadata.yaml in it: " + ("the recording was cut off" if cut_off else "not a rosbag2 folder")
            raise BagError(f"{self.path}: {what}") from None
        except Exception as e:
            raise BagError(
                f"{self.path}: not a rosbag2 bag (expected a folder with metadata.yaml, or .mcap): {e}"
            ) from e

    def __enter__(self) -> BagReader:
        try:
            self._reader.open()
        except Exception as e:  # the parser raises whatever a broken byte leads to
            raise self._broken(e) from e
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._reader.is_open:
            self._reader.close()

    def _broken(self, error: Exception) -> BagError:
        hint = "; the recording was probably cut off: `mcap recover` may save what is there"
        return BagError(f"{self.path}: broken bag: {type(error).__name__}: {one_line(error)}{hint}")

    @property
    def topics(self) -> dict[str, str]:
        """Message type by topic."""
        return {c.topic: c.msgtype for c in self._reader.connections}

    @property
    def latched_topics(self) -> frozenset[str]:
        """Topics that were recorded from a transient-local publisher (and /tf_static, whatever was recorded)."""
        out = {"/tf_static"}
        for c in self._reader.connections:
            offered = getattr(c.ext, "offered_qos_profiles", None) or ()
            if any(q.durability == QosDurability.TRANSIENT_LOCAL for q in offered):
                out.add(c.topic)
        return frozenset(out)

    @property
    def counts(self) -> dict[str, int]:
        """Number of messages by topic, as the index says."""
        out: dict[str, int] = {}
        for c in self._reader.connections:
            out[c.topic] = out.get(c.topic, 0) + c.msgcount
        return out

    @property
    def message_count(self) -> int:
        """Messages in the bag."""
        return self._reader.message_count

    @property
    def span_ns(self) -> tuple[int, int]:
        """First and last time of reception [ns]; (0, 0) if the bag is empty."""
        return (self._reader.start_time, self._reader.end_time - 1) if self.message_count else (0, 0)

    @property
    def notes(self) -> Mapping[str, str]:
        """``custom_data`` of the metadata: what an importer says of itself."""
        return getattr(self._reader.storage.metadata, "custom", None) or {}

    def raw(
        self, topics: Collection[str] | None = None, start_ns: int | None = None, stop_ns: int | None = None
    ) -> Iterator[RawMessage]:
        """Messages in order of reception, not decoded.

        Args:
            topics: only these; all if None.
            start_ns: none received before it [ns]. The index of the bag leads there: chunks outside the range are not
                read, nor are those that hold none of the topics.
            stop_ns: none received at it or later [ns].

        Raises:
            BagError: the bag is broken.
        """
        chosen = [c for c in self._reader.connections if topics is None or c.topic in topics]
        if not chosen:
            return
        try:
            for connection, receive_ns, data in self._reader.messages(chosen, start_ns, stop_ns):
                yield RawMessage(connection.topic, connection.msgtype, receive_ns, data)
        except GeneratorExit:
            raise
        except Exception as e:
            raise self._broken(e) from e

    def messages(
        self, topics: Collection[str] | None = None, start_ns: int | None = None, stop_ns: int | None = None
    ) -> Iterator[tuple[RawMessage, Any]]:
        """Messages with their decoded form (attributes as in ROS, arrays as NumPy views); arguments as :meth:`raw` has
        them. Raises BagError."""
        for message in self.raw(topics, start_ns, stop_ns):
            yield message, self.decode(message)

    def newest_before(self, topics: Collection[str], before_ns: int) -> list[RawMessage]:
        """The last message of each of ``topics`` received before ``before_ns`` [ns], oldest first; topics without one are
        left out. Looks back step by step, each step twice as long, so that what comes often is found near by.

        Raises:
            BagError: the bag is broken.
        """
        found: dict[str, RawMessage] = {}
        stop, step = before_ns, LOOK_BACK_NS
        while stop > self.span_ns[0] and (missing := set(topics) & self.topics.keys() - found.keys()):
            found |= {m.topic: m for m in self.raw(missing, stop - step, stop)}
            stop, step = stop - step, step * 2
        return sorted(found.values(), key=lambda m: m.receive_ns)

    def window_ns(self, start_s: float | None, duration_s: float | None) -> tuple[int | None, int | None]:
        """``start_ns`` and ``stop_ns`` of a range given in seconds since the bag's first message (None: its begin, its end).

        Raises:
            BagError: the range is empty, or begins before the bag or after its last message.
        """
        begin, end = self.span_ns
        start = begin + round((start_s or 0.0) * 1e9)
        if not begin <= start <= end:
            length = (end - begin) * 1e-9
            raise BagError(
                f"{self.path}: start: expected 0 to {length:.3f} s, which the bag is long, found {start_s} s"
            )
        if duration_s is not None and not duration_s > 0.0:
            raise BagError(f"{self.path}: duration: expected more than 0 s, found {duration_s} s")
        return None if start_s is None else start, None if duration_s is None else start + round(duration_s * 1e9)

    def decode(self, message: RawMessage) -> Any:
        """Decode one message; unknown types are taken from the definitions in the bag. Raises BagError."""
        try:
            self._learn(message.msgtype)
            return decode_cdr(self._store, message.data, message.msgtype)
        except Exception as e:
            raise BagError(f"{self.path}: {message.topic}: {message.msgtype} at {message.receive_ns} ns cannot be "
                           f"decoded: {type(e).__name__}: {one_line(e)}") from e  # fmt: skip

    def _learn(self, msgtype: str) -> None:
        if msgtype in self._store.fielddefs or msgtype in self._own_types:
            return
        self._own_types.add(msgtype)
        connection: Connection = next(c for c in self._reader.connections if c.msgtype == msgtype)
        if connection.msgdef.data:
            is_idl = connection.msgdef.format == MessageDefinitionFormat.IDL
            text = connection.msgdef.data
            types = get_types_from_idl(text) if is_idl else get_types_from_msg(text, msgtype)
            self._store.register({k: v for k, v in types.items() if k not in self._store.fielddefs})
