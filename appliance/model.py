"""What the box knows, as values. Rows come out of the store as these; nothing here touches the disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NewType, Protocol

from mixer.scene import Kind, SongId

ProfileId = NewType("ProfileId", str)
Vector = tuple[float, float, float, float, float]
NEUTRAL: Vector = (0.0, 0.0, 0.0, 0.0, 0.0)
LOCAL = "local:"  # how the address of a file begins that was put on this box by hand, unknown to any cloud
RuleKind = Literal["pin", "skip", "ban", "place"]
TapOutcome = Literal["in", "out", "stay", "phone", "again"]
VoteSource = Literal["screen", "card", "phone"]


@dataclass(frozen=True, slots=True)
class Song:
    """One song of the library. `pcm_path` is set when, and only when, it can be played now."""

    id: SongId
    title: str
    kind: Kind
    embedding: Vector = NEUTRAL
    embedding_source: str = "neutral"
    artist: str | None = None
    duration_s: float | None = None
    sha256: str = ""
    byte_size: int = 0
    file_url: str = ""
    media_path: str | None = None
    pcm_path: str | None = None
    prepare_error: str | None = None

    @property
    def ready(self) -> bool:
        return self.pcm_path is not None

    @property
    def local(self) -> bool:
        """Put on this box by hand: its file is the only one there is."""
        return self.file_url.startswith(LOCAL)


@dataclass(frozen=True, slots=True)
class Listener:
    """Somebody a room may greet: a friendly name and a taste, no more."""

    id: ProfileId
    display_name: str
    preference_vector: Vector = NEUTRAL
    taste_state: dict[str, Any] | None = None
    taste_rev: int = 0


@dataclass(frozen=True, slots=True)
class PendingVote:
    """A vote the cloud's taste does not contain yet: what was learnt from, and the value 1 … 5."""

    embedding: Vector
    vote_value: int


@dataclass(frozen=True, slots=True)
class Presence:
    """A listener with an open stay, and the votes still to be folded into their last pulled taste."""

    listener: Listener
    session_id: str
    checked_in_s: float
    remaining_s: float
    pending: tuple[PendingVote, ...] = ()


@dataclass(frozen=True, slots=True)
class CardKey:
    """A card's name: the keyed hash of its number, and under which version of the secret."""

    key_hash: str
    version: int


@dataclass(frozen=True, slots=True)
class TapRead:
    """What a reader reports: who by keyed hash, when by boot clock. `key_hash=None` is a phone's random id.

    older: the card's names under other versions of the secret. counter: what a card that signs has counted to.
    as_signer: the names this number has if its card signs; such a card is believed by its signature alone.
    lay_there: it was on the reader before the reader was looked at, so nobody need have put it there now.
    """

    tap_id: str
    key_hash: str | None
    key_version: int
    boot_ms: int
    wall_ms: int
    older: tuple[CardKey, ...] = ()
    counter: int | None = None
    as_signer: tuple[CardKey, ...] = ()
    lay_there: bool = False


@dataclass(frozen=True, slots=True)
class TapResult:
    """What the tap did, once it is committed. `again`: nothing, for the card did not prove that it is there now."""

    tap_id: str
    outcome: TapOutcome
    listener: Listener | None
    new_listener: bool
    here: int


class TapDecision(Protocol):
    """What the check-in rules answer."""

    @property
    def outcome(self) -> Literal["in", "out", "stay"]: ...
    @property
    def expires_s(self) -> float: ...


class TapRules(Protocol):
    """The check-in rules, as the store asks them inside its transaction."""

    def decide(
        self,
        checked_in_s: float | None,
        expires_s: float | None,
        *,
        now_s: float,
        closing_s: float | None = None,
        may_leave: bool = True,
    ) -> TapDecision: ...

    def friendly_name(self, profile_id: str, taken: frozenset[str] = frozenset()) -> str: ...


@dataclass(frozen=True, slots=True)
class Rule:
    """Staff's word on one song: pin it, skip it for now, ban it, or place it."""

    song_id: SongId
    kind: RuleKind
    place: int | None = None
    until_s: float | None = None

    @property
    def calls(self) -> bool:
        """Calls for the song once: a place that was given for a time only is over when its song has played."""
        return self.kind == "place" and self.until_s is not None


@dataclass(frozen=True, slots=True)
class QueueEntry:
    song_id: SongId
    position: int


@dataclass(frozen=True, slots=True)
class Queue:
    """What is best next. `age_s` counts from when it was stored, on boot time."""

    entries: tuple[QueueEntry, ...] = ()
    source: Literal["cloud", "local", "none"] = "none"
    rev: str = ""
    age_s: float = float("inf")


@dataclass(frozen=True, slots=True)
class Fader:
    """A hand on one layer: it belongs to the song and is let go when the song leaves."""

    song_id: SongId
    gain_db: float | None = None
    muted: bool = False


@dataclass(frozen=True, slots=True)
class Solo:
    """One layer that staff listen to alone, until a moment of that boot's clock or until the song leaves."""

    song_id: SongId
    until_ms: int
    boot_id: str


@dataclass(frozen=True, slots=True)
class Control:
    """Desired state of the whole room, as staff set it. The player converges on it."""

    master_db: float = 0.0
    mute: bool = False
    hush: bool = False
    faders: tuple[Fader, ...] = ()
    solo: Solo | None = None


@dataclass(frozen=True, slots=True)
class SceneRow:
    """A scene as it was applied: the room's memory of what sounded when, and why."""

    id: str
    boot_id: str
    boot_ms: int
    wall_ms: int
    layers: tuple[dict[str, Any], ...]
    taps_seen: int = 0
    cause: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OutboxOp:
    """One fact on its way to the cloud."""

    seq: int
    op_id: str
    type: str
    body: dict[str, Any]
    boot_id: str
    mono_ms: int
    wall_ms: int
