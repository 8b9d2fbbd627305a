"""What a box tells: the body of each kind of fact. Part of the contract in `sync.wire`, which says how they travel."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

VoteValue = Annotated[int, Field(ge=1, le=5, strict=True)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
KeyHash = Annotated[str, Field(min_length=16, max_length=128)]
Counter = Annotated[int, Field(ge=0, le=0xFFFFFF)]  # of a card that signs: it rises with each read
RuleKind = Literal["pin", "skip", "ban", "place"]


class Inbound(BaseModel):
    """What a peer sent: unknown fields are ignored, so that a newer cloud can speak to an older box."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class Outbound(BaseModel):
    """What we send: every field is one we know."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class LayerShare(Outbound):
    """One layer of a mix as it sounded: `share` is its part of the audible energy, 0 … 1."""

    song_id: UUID
    share: Annotated[float, Field(ge=0, le=1)]


class EnrolBody(Outbound):
    """A listener born on a box, with the card that brought them."""

    profile_id: UUID
    display_name: Annotated[str, Field(min_length=1, max_length=80)]
    key_hash: KeyHash
    key_version: int = 1
    counter: Counter | None = None


class CardBody(Outbound):
    """A known card: how far it has counted, if it signs; its new name, once the secret behind names has changed."""

    profile_id: UUID
    key_hash: KeyHash
    counter: Counter | None = None
    new_hash: KeyHash | None = None
    new_version: int = 1


class CheckinBody(Outbound):
    """A stay begins, or (`session_id` seen before) is extended to `expires_in_s` after the event."""

    tap_id: UUID
    session_id: UUID
    profile_id: UUID
    expires_in_s: Annotated[float, Field(ge=0, le=86_400)]


class CheckoutBody(Outbound):
    tap_id: UUID
    session_id: UUID
    profile_id: UUID


class VoteBody(Outbound):
    """One rating. `song_id` is the layer it is stored on; `scene` what taste learns from."""

    vote_id: UUID
    profile_id: UUID
    song_id: UUID
    vote_value: VoteValue
    scene_id: UUID | None = None
    scene: tuple[LayerShare, ...] = ()
    source: Literal["screen", "card", "phone"] = "screen"


class PlayBody(Outbound):
    """A layer has been audible for 10 s; the play began at the op's event time less `audible_s`."""

    play_id: UUID
    song_id: UUID
    audible_s: Annotated[float, Field(ge=0)] = 10.0


class PlayEndBody(Outbound):
    play_id: UUID
    seconds: Annotated[float, Field(ge=0)]


class RuleBody(Outbound):
    """Staff set (or, with `until_s` in the past, lift) a rule for this room's queue."""

    song_id: UUID
    kind: RuleKind
    place: int | None = None
    until_s: float | None = None


class SettleBody(Outbound):
    """The box's word on a vote that the cloud held: did that song sound here then?"""

    vote_id: UUID
    sounded: bool


class LinkBody(Outbound):
    """This listener's history is to become a web profile's: that of whoever shows the token with this hash (a QR made
    here), or that was shown this six-digit code (typed in here). One of the two."""

    profile_id: UUID
    token_hash: Sha256 | None = None
    code: Annotated[str, Field(pattern=r"^[0-9]{6}$")] | None = None

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Self:
        if (self.token_hash is None) == (self.code is None):
            raise ValueError("a link has a token's hash or a code")
        return self


class MergeBody(Outbound):
    """Two profiles are one person: what `profile_id` has, also what is still on its way, becomes `into_id`'s. One with
    a login stays, whichever it is."""

    profile_id: UUID
    into_id: UUID


class ForgetBody(Outbound):
    """This listener asked to be forgotten: every row that tells of them goes. The op's id is their receipt."""

    profile_id: UUID


OP_BODIES: dict[str, type[Outbound]] = {
    "enrol": EnrolBody,
    "card": CardBody,
    "checkin": CheckinBody,
    "checkout": CheckoutBody,
    "vote": VoteBody,
    "play": PlayBody,
    "play_end": PlayEndBody,
    "rule": RuleBody,
    "settle": SettleBody,
    "link": LinkBody,
    "merge": MergeBody,
    "forget": ForgetBody,
}
