"""Newest sweep wins, in order, bounded, and what it replaced is counted."""

from __future__ import annotations

from autonomy_perception.messages.events import CloudMsg, ImageMsg, OdomMsg
from autonomy_perception.runtime.inbox import MAX_EVENTS, MAX_WAITING, Inbox

MS = 1_000_000


def cloud(topic: str, stamp_ms: int) -> CloudMsg:
    return CloudMsg(topic, stamp_ms * MS, stamp_ns=stamp_ms * MS)


def drain(inbox: Inbox) -> list[tuple[str, int]]:
    out = []
    while (job := inbox.get(0.0)) is not None:
        assert job.event is not None
        out.append((job.event.topic, getattr(job.event, "stamp_ns", 0) // MS))
    return out


def test_newer_sweep_replaces_the_one_that_waits_but_motion_is_kept() -> None:
    inbox = Inbox({"/a": 0}, 20 * MS)
    for k in range(3):
        inbox.put(OdomMsg("/odom", 0, stamp_ns=k * 50 * MS))
        inbox.put(cloud("/a", k * 100))
    assert drain(inbox) == [("/odom", 0), ("/odom", 50), ("/odom", 100), ("/a", 200)]
    assert (inbox.replaced, inbox.dropped) == (2, 0)


def test_nothing_is_replaced_while_the_worker_keeps_up() -> None:
    inbox = Inbox({"/a": 0}, 20 * MS)
    for k in range(5):
        inbox.put(cloud("/a", k * 100))
        assert drain(inbox) == [("/a", k * 100)]
    assert inbox.replaced == 0


def test_sweeps_of_two_lidars_stay_together() -> None:
    inbox = Inbox({"/a": 0, "/b": 0}, 20 * MS)
    for topic, stamp in (("/a", 0), ("/b", 5), ("/a", 100)):
        inbox.put(cloud(topic, stamp))
    assert drain(inbox) == [("/a", 0), ("/b", 5), ("/a", 100)]
    for topic, stamp in (("/a", 200), ("/b", 205), ("/a", 300), ("/b", 305)):
        inbox.put(cloud(topic, stamp))
    assert drain(inbox) == [("/a", 300), ("/b", 305)]
    assert (inbox.replaced, inbox.dropped) == (1, 1)


def test_stamps_at_the_start_of_one_and_the_end_of_the_other_sweep_are_matched() -> None:
    inbox = Inbox({"/a": 0, "/b": 100 * MS}, 20 * MS)  # b is stamped when its sweep begins
    for k in (1, 2, 3):
        inbox.put(cloud("/a", 100 * k))
        inbox.put(cloud("/b", 100 * (k - 1)))
    assert drain(inbox) == [("/a", 300), ("/b", 200)]
    assert (inbox.replaced, inbox.dropped) == (2, 2)


def test_of_four_lidars_only_whole_rounds_are_replaced() -> None:
    inbox = Inbox(dict.fromkeys(("/a", "/b", "/c", "/d"), 0), 20 * MS)
    for k in range(3):
        for j, topic in enumerate(("/c", "/a", "/d", "/b")):
            if (k, topic) != (2, "/b"):  # its third sweep is still to come
                inbox.put(cloud(topic, 100 * k + j))
    assert drain(inbox) == [("/c", 100), ("/a", 101), ("/d", 102), ("/b", 103), ("/c", 200), ("/a", 201), ("/d", 202)]
    assert (inbox.replaced, inbox.dropped) == (1, 3)


def test_a_clock_that_went_back_does_not_keep_the_old_sweep() -> None:
    inbox = Inbox({"/a": 0}, 20 * MS)
    inbox.put(cloud("/a", 5000))
    inbox.put(cloud("/a", 0))
    assert drain(inbox) == [("/a", 0)]


def test_tokens_are_never_thinned() -> None:
    inbox = Inbox({"/a": 0}, 20 * MS)
    for k in range(10):
        inbox.put(cloud("/a", k * 100), ("/a", k))
    assert len(drain(inbox)) == 10 and inbox.replaced == 0


def test_memory_is_bounded_while_the_worker_hangs() -> None:
    inbox = Inbox({"/a": 0}, 20 * MS)
    for k in range(50):
        inbox.put(ImageMsg("/image", 0, stamp_ns=k * MS))
    assert len(drain(inbox)) == MAX_WAITING and inbox.dropped == 50 - MAX_WAITING
    for k in range(MAX_EVENTS + 7):
        inbox.put(OdomMsg("/odom", 0, stamp_ns=k))
    assert len(drain(inbox)) == MAX_EVENTS
