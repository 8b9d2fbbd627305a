"""Facts from a box: each op's effect and its verdict in one transaction, each op once however often it comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from cloud_stub import handover
from cloud_stub.database import Database, Tx
from cloud_stub.errors import Refused
from cloud_stub.handover import Handover
from cloud_stub.learning import cast_by
from cloud_stub.merging import join
from cloud_stub.repositories import attempts, cards, handovers, ops, plays, profiles, sessions, songs, votes
from cloud_stub.repositories.stamps import Stamp
from cloud_stub.repositories.votes import NewVote
from cloud_stub.ruling import say
from sync.facts import (
    OP_BODIES,
    CardBody,
    CheckinBody,
    CheckoutBody,
    EnrolBody,
    ForgetBody,
    LinkBody,
    MergeBody,
    Outbound,
    PlayBody,
    PlayEndBody,
    RuleBody,
    SettleBody,
    VoteBody,
)
from sync.wire import Op, PushReply, PushRequest, Verdict

APPLIED, SUPERSEDED = "applied", "superseded"


@dataclass(frozen=True, slots=True)
class Event:
    """One op as its handler sees it: whose, and when it happened by our clock.

    box_ahead_s: how far the box's wall clock was ahead of that.
    """

    tx: Tx
    player_id: str
    op_id: str
    at_s: float
    now_s: float
    box_ahead_s: float


def apply_push(tx: Tx, player_id: str, request: PushRequest, now_s: float) -> PushReply:
    """Apply a batch in order. A repeated op gets its first verdict again and does nothing.

    Nothing is applied for a box that remembers more answers than we do: what those were for must come first, and
    until the box has heard so, our count must not grow past its own.
    """
    asked_seen, asked_known = (
        ops.seen(tx, player_id),
        ops.verdicts(tx, player_id, [str(op.op_id) for op in request.ops]),
    )
    seen, known = asked_seen.get(), dict(asked_known.get())
    if request.heard > seen:
        return PushReply(results=(), server_time=now_s, seen=seen, restored=True)
    ops.learn_boot(tx, player_id, request.boot_id, now_s - request.mono_ms / 1000, now_s)
    offsets = ops.boot_offsets(tx, player_id, list(dict.fromkeys(op.boot_id for op in request.ops))).get()
    for op in request.ops:
        op_id = str(op.op_id)
        if op_id in known:
            continue
        seen += 1
        known[op_id] = _answer(tx, player_id, op, event_time(op, offsets.get(op.boot_id), now_s), now_s)
        ops.note(tx, player_id, op_id, seen, _plain(op.type), known[op_id], now_s)
    results = tuple(Verdict(op_id=op.op_id, status=known[str(op.op_id)]) for op in request.ops)
    return PushReply(results=results, server_time=now_s, seen=seen)


def _answer(tx: Tx, player_id: str, op: Op, at_s: float, now_s: float) -> str:
    event = Event(tx, player_id, str(op.op_id), at_s, now_s, op.wall_ms / 1000 - at_s)
    try:
        with tx.part():
            return _apply(event, op)
    except Database.IntegrityError:
        return "rejected:conflict"


def _plain(kind: str) -> str:
    """A type as it may stand in a list, whatever a box called it."""
    return "".join(sign if sign.isascii() and sign.isprintable() else "?" for sign in kind[:40])


def event_time(op: Op, offset_s: float | None, now_s: float) -> float:
    """When it happened by our clock: by the boot clock where we know its offset, else by the box's wall clock."""
    at_s = op.wall_ms / 1000 if offset_s is None else offset_s + op.mono_ms / 1000
    return max(0.0, min(at_s, now_s))


def _apply(event: Event, op: Op) -> str:
    model = OP_BODIES.get(op.type)
    if model is None:
        return "rejected:unknown_type"
    try:
        body = model.model_validate_json(_json(op))
    except ValidationError as error:
        out_of_range = any("vote_value" in problem["loc"] for problem in error.errors())
        return "rejected:range" if out_of_range else "rejected:body"
    return HANDLERS[model](event, body)


def _json(op: Op) -> bytes:
    """The body as JSON again, so that ids are read from text as they travelled."""
    return op.model_dump_json(include={"body"}).encode()[len('{"body":') : -1]


def enrol(event: Event, body: EnrolBody) -> str:
    tx, known = event.tx, profiles.resolve(event.tx, str(body.profile_id))
    profile_id = known or profiles.create(
        tx, event.now_s, profile_id=str(body.profile_id), display_name=body.display_name
    )
    if cards.add(tx, body.key_hash, body.key_version, profile_id, event.now_s, counter=body.counter):
        return APPLIED
    cards.count(tx, body.key_hash, body.counter, event.now_s)
    owner = cards.owner(tx, body.key_hash)
    if owner is None or owner == profile_id:
        return APPLIED
    if known is None:  # two boxes met the same card while apart: it stays with whom it was, as do the newcomer's facts
        join(tx, profile_id, owner, event.now_s)
    return SUPERSEDED


def card(event: Event, body: CardBody) -> str:
    tx, key_hash = event.tx, body.new_hash or body.key_hash
    if body.new_hash is not None:
        cards.rename(tx, body.key_hash, body.new_hash, body.new_version, event.now_s)
    if cards.find(tx, key_hash) is None:
        return SUPERSEDED
    cards.count(tx, key_hash, body.counter, event.now_s)
    return APPLIED


def checkin(event: Event, body: CheckinBody) -> str:
    tx, session_id = event.tx, str(body.session_id)
    profile_id = profiles.resolve(tx, str(body.profile_id))
    if profile_id is None:
        return "rejected:unknown_profile"
    expires_s = event.at_s + body.expires_in_s
    known = sessions.find(tx, session_id)
    if known is None:
        begun = sessions.begin(
            tx, profile_id, event.player_id, event.at_s, expires_s, event.now_s, session_id=session_id
        )
        return APPLIED if begun["status"] == "active" else SUPERSEDED
    if known["status"] != "active":
        return SUPERSEDED
    sessions.extend(tx, known, expires_s, event.now_s)
    return APPLIED


def checkout(event: Event, body: CheckoutBody) -> str:
    session = sessions.find(event.tx, str(body.session_id))
    if session is None:
        return "rejected:unknown_session"
    sessions.end(event.tx, session["id"], event.at_s, event.now_s)
    return APPLIED


def vote(event: Event, body: VoteBody) -> str:
    tx = event.tx
    profile_id = profiles.resolve(tx, str(body.profile_id))
    if profile_id is None:
        return "rejected:unknown_profile"
    if not songs.exists(tx, str(body.song_id)):
        return "rejected:unknown_song"
    if votes.known(tx, str(body.vote_id)):
        return SUPERSEDED
    new = NewVote(
        vote_id=str(body.vote_id),
        user_id=profile_id,
        player_id=event.player_id,
        song_id=str(body.song_id),
        value=body.vote_value,
        at_s=event.at_s,
        source=body.source,
        scene_id=str(body.scene_id) if body.scene_id else None,
        op_id=event.op_id,
        layers=tuple((str(layer.song_id), layer.share) for layer in body.scene if layer.share > 0),
    )
    return APPLIED if cast_by(tx, new, event.now_s).counts else SUPERSEDED


def play(event: Event, body: PlayBody) -> str:
    tx, song_id = event.tx, str(body.song_id)
    if not songs.exists(tx, song_id):
        return "rejected:unknown_song"
    began_s = max(0.0, event.at_s - body.audible_s)
    added = plays.begin(tx, str(body.play_id), event.player_id, song_id, began_s, event.op_id)
    return APPLIED if added else SUPERSEDED


def play_end(event: Event, body: PlayEndBody) -> str:
    found = plays.end(event.tx, str(body.play_id), event.player_id, body.seconds)
    return APPLIED if found else "rejected:unknown_play"


def rule(event: Event, body: RuleBody) -> str:
    if not songs.exists(event.tx, str(body.song_id)):
        return "rejected:unknown_song"
    if body.until_s is not None:
        body = body.model_copy(update={"until_s": body.until_s - event.box_ahead_s})
    stamp = Stamp(round(event.at_s * 1000), event.op_id)
    return APPLIED if say(event.tx, event.player_id, body, stamp, event.now_s, by_box=True) else SUPERSEDED


def settle(event: Event, body: SettleBody) -> str:
    held = votes.take_held(event.tx, str(body.vote_id), event.player_id, event.now_s)
    if held is None:
        return "rejected:unknown_vote"
    if body.sounded:
        cast_by(event.tx, held, event.now_s)
    return APPLIED


def link(event: Event, body: LinkBody) -> str:
    tx, profile_id = event.tx, profiles.resolve(event.tx, str(body.profile_id))
    if profile_id is None:
        return "rejected:unknown_profile"
    if body.token_hash is not None:
        offered = handover.offered(tx, body.token_hash, profile_id, event.at_s, event.now_s)
        return APPLIED if offered in (Handover.DONE, Handover.WAITING) else SUPERSEDED
    assert body.code is not None, "a link has a token or a code"
    try:
        attempts.take(tx, attempts.LINK_CODE, event.player_id, event.now_s)
    except Refused:
        return "rejected:too_often"
    shown_to = handovers.take_code(tx, body.code, event.at_s)
    owner = None if shown_to is None else profiles.resolve(tx, shown_to)
    if owner is None:
        return "rejected:unknown_code"
    done = handover.unite(tx, profile_id, owner, event.now_s)
    return APPLIED if done is Handover.DONE else f"rejected:{done.value}"


def merge(event: Event, body: MergeBody) -> str:
    tx, away, stays = event.tx, *(profiles.resolve(event.tx, str(one)) for one in (body.profile_id, body.into_id))
    if away is None or stays is None:
        return "rejected:unknown_profile"
    if away == stays:
        return SUPERSEDED
    done = handover.unite(tx, away, stays, event.now_s)
    return APPLIED if done is Handover.DONE else f"rejected:{done.value}"


def forget(event: Event, body: ForgetBody) -> str:
    profile_id = profiles.resolve(event.tx, str(body.profile_id))
    if profile_id is None:
        return SUPERSEDED
    profiles.forget(event.tx, profile_id, event.now_s)
    return APPLIED


# Each handler takes the body of its own key.
HANDLERS: dict[type[Outbound], Callable[[Event, Any], str]] = {
    EnrolBody: enrol,
    CardBody: card,
    CheckinBody: checkin,
    CheckoutBody: checkout,
    VoteBody: vote,
    PlayBody: play,
    PlayEndBody: play_end,
    RuleBody: rule,
    SettleBody: settle,
    LinkBody: link,
    MergeBody: merge,
    ForgetBody: forget,
}
