"""The cloud's rows to the box: pages by revision, rows and cursor together, checked by a digest."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from appliance.store import Store
from appliance.store.bucket import BucketChange
from sync import wire
from sync.digest import digest_text, row_digest
from sync.door import Door
from sync.errors import LinkDown

log = logging.getLogger(__name__)

MAX_RESTARTS = 3
_MOMENTS = ("checked_in_at", "expires_at", "until_s")
SLICE = 50  # rows a transaction, and room between two: nobody's tap waits longer than for these


@dataclass(slots=True)
class PullReport:
    """What a pull brought. `bad`: rows that could not be read, by reason; they were left as they are here."""

    changes: int = 0
    resets: int = 0
    mismatched: bool = False
    settled_votes: int = 0
    bad: Counter[str] = field(default_factory=Counter)


def pull_once(store: Store, cloud: Door, wait_s: float = 0.0, *, first: wire.PullReply | None = None) -> PullReport:
    """Read to the end of what is new, and answer the votes that the cloud holds for our judgement.

    first: the first page, where it is here already.
    Raises as `Door` does; every page that arrived is applied by then, and applying it again is harmless.
    """
    report = PullReport()
    reply = first or _next_page(store, cloud, report, wait_s)
    if reply is None:
        store.bucket.settled()  # that nothing changed is the cloud's word on our rules, too
    while reply is not None:
        _take(store, cloud, reply, report)
        more = reply.more or reply.reset
        reply = _next_page(store, cloud, report, 0.0) if more and not report.mismatched else None
    _say_bad(report)
    return report


def _next_page(store: Store, cloud: Door, report: PullReport, wait_s: float) -> wire.PullReply | None:
    cursor = store.bucket.cursor()
    if report.resets > MAX_RESTARTS:
        raise LinkDown("the cloud begins its bucket again and again", answered=True)
    digest = digest_text(cursor.digest)
    return cloud.pull(cursor.epoch, cursor.rev, heard=store.outbox.heard(), wait_s=wait_s, digest=digest)


def _take(store: Store, cloud: Door, reply: wire.PullReply, report: PullReport) -> None:
    if reply.reset:
        reply = _take_bucket(store, cloud, reply, report)
    else:
        _take_changes(store, reply, report)
    if not reply.more:
        _compare(store, reply, report)
        report.settled_votes += store.scenes.settle_held_votes(_ahead_s(store, reply))


def _take_changes(store: Store, reply: wire.PullReply, report: PullReport) -> None:
    cursor = store.bucket.cursor()
    if not reply.changes and (cursor.epoch, cursor.rev) == (reply.epoch, reply.next):
        return  # nothing new is nothing written
    done, ahead_s = 0, _ahead_s(store, reply)
    while len(reply.changes) - done > SLICE:
        part, done = reply.changes[done : done + SLICE], done + SLICE
        store.bucket.apply(_read(part, report, ahead_s), epoch=reply.epoch, rev=part[-1].rev)
    store.bucket.apply(_read(reply.changes[done:], report, ahead_s), epoch=reply.epoch, rev=reply.next)


def _take_bucket(store: Store, cloud: Door, first: wire.PullReply, report: PullReport) -> wire.PullReply:
    """All pages of a reset, each in a short transaction of its own; the cursor moves with the last one.

    The box then stands at the revision of the first page, so that whatever changed while we paged comes next
    as changes. Returns the last page; its digest only if it is true of that revision.
    """
    report.resets += 1
    seen = first.seen if first.restored else None
    again = store.bucket.begin_reset(epoch=first.epoch, rev=first.next, restored_at=seen, seen=first.seen or 0)
    if again:
        log.warning("the cloud was restored from a backup: %d facts go to it again", again)
    page = first
    _take_reset_page(store, page, report)
    while page.more:
        page = _bucket_page(cloud, first, page)
        _take_reset_page(store, page, report)
    store.bucket.finish_reset(epoch=first.epoch, rev=first.next)
    return page if page.next == first.next else page.model_copy(update={"digest": None})


def _take_reset_page(store: Store, page: wire.PullReply, report: PullReport) -> None:
    ahead_s = _ahead_s(store, page)
    for start in range(0, len(page.changes), SLICE):
        store.bucket.take_reset_page(_read(page.changes[start : start + SLICE], report, ahead_s))


def _bucket_page(cloud: Door, first: wire.PullReply, before: wire.PullReply) -> wire.PullReply:
    if not before.changes:
        raise LinkDown("the cloud announces more of its bucket after an empty page", answered=True)
    last = before.changes[-1]
    cursor = before.cursor or f"{last.tbl}:{last.pk}"
    page = cloud.pull(first.epoch, first.next, cursor=cursor)
    if page is None or not page.reset or page.epoch != first.epoch:
        raise LinkDown("the cloud began another epoch while its bucket was read: once more", answered=True)
    return page


def _ahead_s(store: Store, reply: wire.PullReply) -> float:
    """How far the cloud's clock is ahead of this box's."""
    return reply.server_time - store.clock.wall_s()


def _read(changes: Sequence[wire.Change], report: PullReport, ahead_s: float) -> list[BucketChange]:
    report.changes += len(changes)
    return [_read_one(change, report, ahead_s) for change in changes]


def _read_one(change: wire.Change, report: PullReport, ahead_s: float) -> BucketChange:
    """The change as the store takes it. A row of a table we do not know counts, and is not kept."""
    if change.op == "del":
        return BucketChange(change.tbl, change.pk, change.op)
    row: dict[str, Any] = change.row or {}
    digest = row_digest(change.tbl, change.pk, row)
    return BucketChange(change.tbl, change.pk, change.op, _checked(change.tbl, row, report, ahead_s), digest)


def _checked(tbl: str, row: Mapping[str, Any], report: PullReport, ahead_s: float) -> dict[str, Any] | None:
    """The row as we keep it; None of a table that we do not know, and where it cannot be read."""
    model = wire.BUCKET_ROWS.get(tbl)
    if model is None:
        return None
    try:
        return _by_our_clock(model.model_validate(row).model_dump(mode="json"), ahead_s)
    except ValidationError as error:
        report.bad[f"{tbl}: {error.errors(include_url=False, include_input=False)[0]['msg']}"] += 1
        return None


def _by_our_clock(row: dict[str, Any], ahead_s: float) -> dict[str, Any]:
    """The row with the moments that stays and rules end told by this box's clock, which may be years off."""
    moved = {name: row[name] - ahead_s for name in _MOMENTS if row.get(name) is not None}
    return row | moved


def _compare(store: Store, reply: wire.PullReply, report: PullReport) -> None:
    """Both sides must hold the same rows now, unless an op of ours is about to change one."""
    if reply.digest is None or not store.bucket.settled():
        return
    mine = digest_text(store.bucket.cursor().digest)
    report.mismatched = mine != reply.digest
    if report.mismatched and store.bucket.distrust():
        log.warning("what we hold differs from the cloud (%s, there %s): reading it all again", mine, reply.digest)


def _say_bad(report: PullReport) -> None:
    for what, times in report.bad.items():
        log.warning("%d row(s) of the cloud cannot be read and stay as they were: %s", times, what)
