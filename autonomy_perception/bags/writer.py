"""Write rosbag2 MCAP bags without ROS: a folder with metadata.yaml, made beside and renamed when whole."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from rosbags.interfaces import Connection, Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import StoragePlugin, Writer

from autonomy_perception.bags.errors import BagError
from autonomy_perception.bags.typestore import typestore

KEEP = "keep"
"""Marks the folder of an unfinished bag that must not be thrown away."""
OWNER = "pid"
"""Number of the process that writes there. Locked by it: the number alone may be anybody's, after a restart."""
LATCHED_TOPICS = ("/tf_static", "/robot_description")


def _qos(topic: str) -> Qos:
    latched = topic in LATCHED_TOPICS
    forever = QosTime(9223372036, 854775807)  # how rmw spells "no limit"
    return Qos(
        QosHistory.KEEP_LAST, 10 if not latched else 1, QosReliability.RELIABLE,
        QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
        forever, forever, QosLiveliness.AUTOMATIC, forever, False,
    )  # fmt: skip


class BagWriter:
    """Context manager: a bag appears at ``path`` when everything was written, or not at all.

    Args:
        path: folder to make; its parent is made too. Never overwrites.
        notes: text by key, kept in the metadata (``custom_data``) and shown by ``info``.
        keep_cut_off: what cannot be made again (a recording) is kept as ``PATH.cut_off`` when it cannot be finished, and
            what a killed writer of such a bag left is kept as well.

    Raises:
        BagError: ``path`` exists, or cannot be written.
    """

    def __init__(self, path: Path, notes: Mapping[str, str] | None = None, *, keep_cut_off: bool = False) -> None:
        self.path = Path(path).absolute()
        self._part = self.path.parent / f".{self.path.name}.part"
        self._notes, self._keep = dict(notes or {}), keep_cut_off
        self._connections: dict[tuple[str, str], Connection] = {}
        self._writer: Writer | None = None
        self._cut_off: Path | None = None
        self._owner: IO[str] | None = None
        self._expect_nothing()

    def _expect_nothing(self) -> None:
        if self.path.exists():
            raise BagError(f"{self.path}: exists already; choose another name or remove it first")

    def __enter__(self) -> BagWriter:
        with contextlib.ExitStack() as undo:
            undo.callback(self._leave)
            self._begin()
            undo.pop_all()
        return self

    def _begin(self) -> None:
        try:
            self._claim()
            writer = Writer(self._part / self.path.name, version=9, storage_plugin=StoragePlugin.MCAP)
            for key, value in self._notes.items():
                writer.set_custom_data(key, value)
            writer.open()
        except OSError as e:
            raise BagError(f"{self.path}: cannot be written: {e.strerror}") from e
        self._writer = writer

    def _claim(self) -> None:
        """Own the folder beside; what a killed writer left there is put aside or removed, a live writer is left alone."""
        with contextlib.suppress(FileExistsError):
            self._part.parent.mkdir(parents=True)
        while self._owner is None:
            with contextlib.suppress(FileExistsError):
                self._part.mkdir()
            with contextlib.suppress(FileNotFoundError):  # its last owner has just removed it
                self._owner = self._locked(self._part / OWNER)
        self._expect_nothing()
        self._cut_off = self._clear()
        self._owner.truncate(0)
        self._owner.write(str(os.getpid()))
        self._owner.flush()
        if self._keep:
            (self._part / KEEP).touch()

    def _locked(self, path: Path) -> IO[str] | None:
        """The file, locked; None if it was removed meanwhile. The system gives the lock back however the process ends."""
        with contextlib.ExitStack() as undo:
            file = undo.enter_context(path.open("a+"))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = path.read_text() or "that has just begun"
                raise BagError(f"{self.path}: being written by process {owner}") from None
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                undo.pop_all()
                return file
        return None

    def _clear(self) -> Path | None:
        """Empty the folder beside; a recording in it is put aside first, and its new place returned."""
        unfinished, aside = self._part / self.path.name, None
        if (self._part / KEEP).exists() and unfinished.exists():
            free = (self.path.with_name(f"{self.path.name}.cut_off{n or ''}") for n in range(1000))
            aside = next(path for path in free if not path.exists())
            unfinished.rename(aside)
        shutil.rmtree(unfinished, ignore_errors=True)
        with contextlib.suppress(OSError):
            (self._part / KEEP).unlink()
        return aside

    def _leave(self) -> None:
        """Remove the folder beside; its lock last, because from then on it may be another's."""
        if self._owner is None:
            return
        self._cut_off = self._clear()
        with contextlib.suppress(OSError):
            (self._part / OWNER).unlink()
            self._part.rmdir()
        self._owner.close()
        self._owner = None

    @property
    def cut_off(self) -> Path | None:
        """Where an unfinished recording was put aside, at the beginning or at the end; None if there was none."""
        return self._cut_off

    def write(self, topic: str, msgtype: str, receive_ns: int, message: Any) -> None:
        """Append a message object of the type store (serialised here)."""
        self.write_raw(topic, msgtype, receive_ns, typestore().serialize_cdr(message, msgtype))

    def write_raw(self, topic: str, msgtype: str, receive_ns: int, data: bytes | memoryview) -> None:
        """Append CDR bytes as they are. Raises BagError if the disk refuses or the type is unknown."""
        if self._writer is None:
            raise BagError(f"{self.path}: writer is not open")
        try:
            connection = self._connections.get((topic, msgtype)) or self._connect(topic, msgtype)
            self._writer.write(connection, receive_ns, data)
        except OSError as e:
            raise BagError(f"{self.path}: cannot be written: {e.strerror}") from e

    def add_topic(self, topic: str, msgtype: str) -> None:
        """Declare a topic even if no message follows."""
        if (topic, msgtype) not in self._connections:
            self._connect(topic, msgtype)

    def _connect(self, topic: str, msgtype: str) -> Connection:
        assert self._writer is not None
        store = typestore()
        if msgtype not in store.fielddefs:
            raise BagError(f"{self.path}: topic {topic}: unknown message type {msgtype}")
        connection = self._writer.add_connection(topic, msgtype, typestore=store, offered_qos_profiles=[_qos(topic)])
        self._connections[topic, msgtype] = connection
        return connection

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        writer, self._writer = self._writer, None
        assert writer is not None
        try:
            if kind is not None:
                with contextlib.suppress(OSError):  # what is still buffered cannot be written either
                    writer.abort()
                return
            writer.close()
            if self.path.exists():
                raise BagError(f"{self.path}: appeared while it was being written; nothing was overwritten")
            (self._part / self.path.name).rename(self.path)
        except OSError as e:
            raise BagError(f"{self.path}: cannot be written: {e.strerror}") from e
        finally:
            self._leave()
