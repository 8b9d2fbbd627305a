"""Facts to the cloud: the outbox, oldest first, until it is empty. Sending one twice is harmless."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

from pydantic import ValidationError

from appliance.clock import Clock
from appliance.model import OutboxOp
from appliance.store import Store
from sync import wire
from sync.door import Door
from sync.errors import BadRequest, LinkDown

log = logging.getLogger(__name__)

MAX_RESTARTS = 3
_ENVELOPE_BYTES = 1024
REJECTED = "rejected"
# After which verdicts rows are not what this box made of them: two listeners stay two, a later word than ours stands, a
# cloud that was restored may not have the song that a rule is about.
_UNDOING = {"merge": {REJECTED}, "rule": {REJECTED, "superseded"}}


@dataclass(slots=True)
class PushReport:
    """How many ops were answered, and how: by the verdict's first word. restarts: how often the cloud had lost some."""

    answered: int = 0
    restarts: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)

    @property
    def rejected(self) -> int:
        return self.verdicts.get(REJECTED, 0)

    def count(self, verdicts: Sequence[tuple[str, str]]) -> None:
        for _, status in verdicts:
            word = status.partition(":")[0]
            self.verdicts[word] = self.verdicts.get(word, 0) + 1
        self.answered += len(verdicts)


def push_once(store: Store, cloud: Door, clock: Clock) -> PushReport:
    """Send what is pending until nothing is. Raises as `Door` does; what was answered by then is settled."""
    report = PushReport()
    while ops := store.outbox.batch(wire.PUSH_MAX_OPS):
        answered = report.answered
        try:
            _push(_Pusher(store, cloud, clock, report, _stored_ids(ops), {op.op_id: op for op in ops}), ops)
        except _Restored as restored:
            _begin_again(store, report, restored.seen)
            continue
        if report.answered == answered:
            raise LinkDown(f"the cloud took {len(ops)} facts and gave a verdict on none of them", answered=True)
    return report


def _begin_again(store: Store, report: PushReport, seen: int) -> None:
    report.restarts += 1
    if report.restarts > MAX_RESTARTS:
        raise LinkDown("the cloud says again and again that it was restored from a backup", answered=True)
    again = store.outbox.send_again(seen)
    log.warning("the cloud was restored from a backup: %d facts go to it again", again)


class _Restored(Exception):
    """The cloud knows of fewer answers than it gave us."""

    def __init__(self, seen: int) -> None:
        super().__init__(seen)
        self.seen = seen


@dataclass(frozen=True, slots=True)
class _Pusher:
    store: Store
    cloud: Door
    clock: Clock
    report: PushReport
    stored_ids: Mapping[str, str]
    ops: Mapping[str, OutboxOp]

    def settle(self, verdicts: Sequence[tuple[str, str]], at_s: float = 0.0, seen: int | None = None) -> None:
        """at_s: the cloud's clock when it answered; seen: how many ops of ours it had answered then."""
        if not verdicts:
            return
        overruled = [
            op
            for op_id, status in verdicts
            if (op := self.ops.get(op_id)) is not None and status.partition(":")[0] in _UNDOING.get(op.type, ())
        ]
        self.store.settle(verdicts, overruled=overruled, at_s=at_s, seen=seen)
        self.report.count(verdicts)
        for op_id, status in verdicts:
            if status.startswith(REJECTED):
                log.warning("the cloud refuses op %s: %s; `cosound sync log` shows it", op_id, status)


def _stored_ids(ops: Sequence[OutboxOp]) -> dict[str, str]:
    """The ids as they travel → as the outbox spells them: only the latter settles."""
    ids = {}
    for op in ops:
        with suppress(ValueError):
            ids[str(UUID(op.op_id))] = op.op_id
    return ids


def _push(pusher: _Pusher, pending: Sequence[OutboxOp]) -> None:
    ops, unreadable = _as_wire(pending)
    pusher.settle(unreadable)
    for batch in _batches(ops):
        _send(pusher, batch)


def _as_wire(pending: Sequence[OutboxOp]) -> tuple[list[wire.Op], list[tuple[str, str]]]:
    """The ops as they travel, and verdicts of our own on those that a damaged card left unreadable."""
    ops, unreadable = [], []
    for op in pending:
        try:
            ops.append(
                wire.Op.model_validate(
                    {
                        "op_id": op.op_id,
                        "seq": op.seq,
                        "type": op.type,
                        "body": op.body,
                        "boot_id": op.boot_id,
                        "mono_ms": op.mono_ms,
                        "wall_ms": op.wall_ms,
                    }
                )
            )
        except ValidationError:
            unreadable.append((op.op_id, f"{REJECTED}:unreadable"))
    return ops, unreadable


def _batches(ops: Sequence[wire.Op]) -> list[list[wire.Op]]:
    """In order, each at most `PUSH_MAX_BYTES` as JSON; one op that is larger travels alone."""
    batches: list[list[wire.Op]] = []
    room = 0
    for op in ops:
        size = len(op.model_dump_json()) + 1
        if not batches or size > room:
            batches.append([])
            room = wire.PUSH_MAX_BYTES - _ENVELOPE_BYTES
        batches[-1].append(op)
        room -= size
    return batches


def _send(pusher: _Pusher, ops: Sequence[wire.Op]) -> None:
    """Send a batch; refused as a whole it goes in halves, until the op that is to blame stands alone."""
    try:
        reply = pusher.cloud.push(_request(pusher, ops))
    except BadRequest as error:
        if len(ops) == 1:
            pusher.settle([(pusher.stored_ids[str(ops[0].op_id)], f"{REJECTED}:{error.code}")])
            return
        middle = len(ops) // 2
        _send(pusher, ops[:middle])
        _send(pusher, ops[middle:])
        return
    if reply.restored:
        raise _Restored(reply.seen or 0)
    sent = {str(op.op_id) for op in ops}
    verdicts = {str(result.op_id): result.status for result in reply.results}
    answered = [(pusher.stored_ids[op_id], status) for op_id, status in verdicts.items() if op_id in sent]
    pusher.settle(answered, reply.server_time, reply.seen)


def _request(pusher: _Pusher, ops: Sequence[wire.Op]) -> wire.PushRequest:
    clock = pusher.clock
    return wire.PushRequest(
        heard=pusher.store.outbox.heard(),
        boot_id=clock.boot_id,
        mono_ms=round(clock.boot_s() * 1000),
        wall_ms=round(clock.wall_s() * 1000),
        ops=tuple(ops),
    )
