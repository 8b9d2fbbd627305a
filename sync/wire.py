"""The HTTP contract between box and cloud: the only source of what travels, read by both sides.

    POST /api/sync/v1/push       PushRequest  → PushReply      facts from the box, exactly once by op_id
    GET  /api/sync/v1/pull       ?epoch=&since=&heard=&limit=&wait=[&cursor=] → PullReply   the bucket, by revision
    GET  /api/player/queue       ?wait=  If-None-Match         → QueueReply  what is best next
    POST /api/player/heartbeat   Heartbeat    → HeartbeatReply,  or  BareBeat → 204 (409: say it all)
    GET  /api/media/{sha256}     → 302 to a signed URL, or the bytes, with Range

`sync.rpc` takes the same models through Supabase alone.

All carry the player's token in `X-API-Key`. Outbound models refuse unknown fields; a newer peer may send more.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from sync.facts import Inbound, LayerShare, Outbound, RuleKind, Sha256

PUSH_MAX_OPS = 200
PUSH_MAX_BYTES = 256 << 10
PULL_MAX_ROWS = 500
LONG_POLL_S = 55.0  # what lies between cuts a silent connection after 60 s
HEARTBEAT_S = 20.0  # a room unheard for 30 s has its votes held
API_KEY_HEADER = "X-API-Key"

Vector = Annotated[tuple[float, float, float, float, float], Field()]
SongKind = Literal["soundscape", "instrumental"]

# Facts, from the box to the cloud: their bodies are in `sync.facts`


class Op(Outbound):
    """One fact, made once on the box. `body` is validated per op, so that a bad one is rejected alone. Times: boot
    milliseconds of boot `boot_id`, and what the wall clock said."""

    op_id: UUID
    seq: int
    type: str
    body: dict[str, Any]
    boot_id: str
    mono_ms: int
    wall_ms: int


class PushRequest(Outbound):
    """The request's own `boot_id`, `mono_ms`, `wall_ms` are 'now' on the box: the cloud corrects event times
    by them (`event = server_now − (mono_now − mono_event)` within one boot). heard: the highest `seen` it was told."""

    boot_id: str
    mono_ms: int
    wall_ms: int
    heard: Annotated[int, Field(ge=0)] = 0
    ops: Annotated[tuple[Op, ...], Field(max_length=PUSH_MAX_OPS)]


class Verdict(Inbound):
    """`applied`, `superseded`, `held`, or `rejected:<code>`. A repeated op gets its first verdict again."""

    op_id: UUID
    status: str


class PushReply(Inbound):
    """seen: how many ops of this player were ever answered. restored: the box heard of more, so we come from a backup
    and looked at none of these: what we took since goes again first."""

    results: tuple[Verdict, ...]
    server_time: float
    seen: int | None = None
    restored: bool = False


# The bucket, from the cloud to the box


class SongRow(Inbound):
    """A row of `songs` as the box needs it."""

    id: UUID
    title: str
    artist: str | None = None
    type: SongKind
    file_url: str = ""
    embedding: Vector | None = None
    embedding_source: Literal["model", "hand", "neutral"] = "neutral"
    duration: float | None = None
    bpm: int | None = None
    sha256: Sha256
    byte_size: int
    loudness_lufs: float | None = None
    true_peak_dbtp: float | None = None
    loop_start: float | None = None
    loop_end: float | None = None
    loop_law: Literal["equal_power", "linear"] | None = None
    loop_xfade_s: float | None = None
    key: str | None = None


class ProfileRow(Inbound):
    """A listener as a room may know them: a friendly name and a taste, no e-mail, no login."""

    id: UUID
    display_name: str
    preference_vector: Vector
    taste_state: dict[str, Any] | None = None
    taste_rev: int = 0


class MergeRow(Inbound):
    """A profile that is another's part now. `into_id` was itself never merged away."""

    profile_id: UUID
    into_id: UUID


class TagRow(Inbound):
    """A card: the keyed hash of what the reader read, whose it is, and how far it has counted if it signs."""

    key_hash: str
    key_version: int = 1
    profile_id: UUID
    counter: int | None = None


class SessionRow(Inbound):
    """A stay in this room that began elsewhere (a phone). Seconds are the cloud's clock."""

    id: UUID
    user_id: UUID
    checked_in_at: float
    expires_at: float
    status: Literal["active", "inactive"]


class RuleRow(Inbound):
    song_id: UUID
    kind: RuleKind
    place: int | None = None
    until_s: float | None = None


class SettingRow(Inbound):
    """One setting of the room; `value` is JSON."""

    key: str
    value: Any = None


class HeldVoteRow(Inbound):
    """A vote the cloud could not judge because the box was out of reach."""

    vote_id: UUID
    song_id: UUID
    vote_time: float


class LibraryRow(Inbound):
    """This room may play this song. With no such row the room plays the whole library."""

    song_id: UUID


BUCKET_ROWS: dict[str, type[Inbound]] = {
    "songs": SongRow,
    "player_library": LibraryRow,
    "merges": MergeRow,
    "profiles": ProfileRow,
    "tags": TagRow,
    "sessions": SessionRow,
    "queue_rules": RuleRow,
    "settings": SettingRow,
    "held_votes": HeldVoteRow,
}


class Change(Inbound):
    """One row of the bucket: `put` replaces it whole, `del` removes it. `rev` is 0 in a reset."""

    rev: int = 0
    tbl: str
    pk: str
    op: Literal["put", "del"] = "put"
    row: dict[str, Any] | None = None


class PullReply(Inbound):
    """A page of changes after `since`, or (`reset`) a page of the whole bucket: when `epoch` is another, `since` is
    ahead of us or older than our tombstones, or (`restored`) the box heard of more answers than the `seen` we know of.

    A reset's pages go by `cursor`, the name of the next page (None: `<tbl>:<pk>` of the last row here), which the box
    sends beside the first page's `epoch` and, as `since`, its `next`: a revision at which it was read. The box goes
    on from there, so what changed while it paged comes again as changes. `digest`, of the whole
    bucket, comes with a last page (`more=False`) that is the whole truth at `next`.
    """

    reset: bool
    epoch: str
    changes: tuple[Change, ...]
    next: int
    more: bool
    cursor: str | None = None
    digest: str | None = None
    server_time: float
    seen: int | None = None
    restored: bool = False


class QueueSong(Inbound):
    id: UUID
    title: str
    file_url: str
    type: SongKind
    position: int


class QueueReply(Inbound):
    """The seeds' player answer, to the letter."""

    success: bool
    songs: tuple[QueueSong, ...] = ()
    error: str | None = None


class Heartbeat(Outbound):
    """What the box says of itself, never stored on its card. `scene` is what is audible now."""

    boot_id: str
    mono_ms: int
    wall_ms: int
    audible: bool
    silent_on_purpose: bool = False
    scene_id: UUID | None = None
    scene: tuple[LayerShare, ...] = ()
    why: tuple[str, ...] = ()
    here: int = 0
    pending: int = 0
    underruns: int = 0
    disk_free_mb: int | None = None
    version: str = ""


class BareBeat(Outbound):
    """All is as in the beat that the cloud keeps under the name `as_before`, which is of this boot."""

    as_before: str
    pending: int = 0
    underruns: int = 0


class HeartbeatReply(Inbound):
    """`kept` names what the beat said, for bare ones to refer to; a cloud that keeps nothing gives none."""

    server_time: float
    rev: int
    queue_rev: int
    kept: str | None = None
