"""What a box that stands somewhere in its bucket is told next: the changes since, or the whole, page by page."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from cloud_stub.database import Row, Tx
from cloud_stub.repositories import changes, ops


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a pull. `next` is where the box stands when it has applied it."""

    reset: bool
    mark: changes.Mark
    rows: list[Row]
    next: int
    more: bool
    seen: int
    restored: bool = False

    @property
    def is_news(self) -> bool:
        return self.reset or bool(self.rows)


def read_page(tx: Tx, player_id: str, epoch: str, since: int, heard: int, limit: int, cursor: str | None) -> Page:
    """Changes after `since`, or the bucket from behind `cursor` when the box stands somewhere we do not know."""
    asked_mark, asked_seen = changes.mark(tx, player_id), ops.seen(tx, player_id)
    asked_rows = changes.since(tx, player_id, since, limit + 1) if epoch and cursor is None else None
    mark, seen = asked_mark.get(), asked_seen.get()
    restored = heard > seen
    is_known = asked_rows is not None and epoch == mark.epoch and mark.pruned_rev <= since <= mark.rev
    if restored or asked_rows is None or not is_known:
        page = _bucket_page(tx, player_id, mark, since if epoch == mark.epoch else None, limit, cursor)
        return replace(page, seen=seen, restored=restored)
    rows = asked_rows.get()
    more = len(rows) > limit
    rows = rows[:limit]
    return Page(False, mark, rows, rows[-1]["rev"] if more else mark.rev, more, seen)


def _bucket_page(tx: Tx, player_id: str, mark: changes.Mark, began: int | None, limit: int, cursor: str | None) -> Page:
    """A page of the whole bucket. Rows may change while it is read, so a box that says (by `since` and the new
    `epoch`) where the first page stood gets that as `next`, and hears of the changes by the ordinary pull."""
    tbl, _, pk = (cursor or "").partition(":")
    rows = changes.bucket_page(tx, player_id, (tbl, pk), limit + 1)
    more = len(rows) > limit
    in_range = cursor is not None and began is not None and mark.pruned_rev <= began <= mark.rev
    return Page(True, mark, rows[:limit], began if in_range and began is not None else mark.rev, more, seen=0)


def as_json(page: Page, now_s: float) -> str:
    """A `PullReply`; rows are JSON text already and are not read again."""
    whole = not page.more and page.next == page.mark.rev
    head = {"reset": page.reset, "epoch": page.mark.epoch, "next": page.next, "more": page.more,
            "digest": page.mark.digest if whole else None, "server_time": now_s,
            "seen": page.seen, "restored": page.restored}  # fmt: skip
    rows = ",".join(_change(row, page.reset) for row in page.rows)
    return f'{json.dumps(head)[:-1]}, "changes": [{rows}]}}'


def _change(row: Row, reset: bool) -> str:
    rev = 0 if reset else row["rev"]
    head = json.dumps({"rev": rev, "tbl": row["tbl"], "pk": row["pk"], "op": row["op"]})
    return f'{head[:-1]}, "row": {row["row_json"] or "null"}}}'
