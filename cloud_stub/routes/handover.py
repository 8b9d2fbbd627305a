"""Taking a card's history along: the page behind the QR that a box shows, and the code for its touchscreen."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from checkin import sun
from cloud_stub import handover
from cloud_stub.answers import HandedOver, HandoverCode, refusals
from cloud_stub.auth import Cloud, SignedIn
from cloud_stub.database import Tx
from cloud_stub.errors import Refused
from cloud_stub.handover import Handover
from cloud_stub.pages import page
from cloud_stub.repositories import attempts, cards, handovers, profiles

router = APIRouter()

_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)
_REFUSED = {
    Handover.USED: (410, "this was used already: tap your card and ask for a new one"),
    Handover.EXPIRED: (410, "this is older than ten minutes: tap your card and ask for a new one"),
    Handover.TWO_ACCOUNTS: (409, "this card goes with another phone or account already"),
    Handover.UNKNOWN: (404, "this card has no history yet: tap it in a room first"),
}


@router.get("/link", include_in_schema=False)
@router.get("/t", include_in_schema=False)
async def link_page() -> Response:
    """Behind a box's QR, and behind the address on a card that signs. What is to be claimed is for the page to send."""
    return page("link.html")


class Claim(BaseModel):
    """By `token` from a box's QR, or by the `address` that a card has just said."""

    model_config = ConfigDict(hide_input_in_errors=True)

    token: str | None = None
    address: str | None = None


@router.post("/api/link", responses=refusals(401, 404, 409, 410, 413, 429))
async def claim(body: Claim, listener: SignedIn, cloud: Cloud) -> HandedOver:
    """Make a card's history one's own. Each token and each address works once."""
    await cloud.database.write(attempts.take, attempts.LINK, listener.profile_id, cloud.now())
    if body.address is not None:
        proof = sun.read(cloud.settings.sun_keys, body.address)
        if proof is None:
            raise Refused(422, "bad_card", "no key of ours has signed this address: hold the card to the phone again")
        names = [keys.key_hash(proof.uid) for keys in cloud.settings.sun_keys]
        how = await cloud.database.write(_by_card, listener.profile_id, names, proof.counter, cloud.now())
    else:
        token = body.token or ""
        if not _TOKEN.fullmatch(token):
            raise Refused(422, "bad_token", "token: give the 22 signs behind the # of the address that the box shows")
        how = await cloud.database.write(handover.claimed, token, listener.profile_id, cloud.now())
    if how in _REFUSED:
        status, message = _REFUSED[how]
        raise Refused(status, how.value, message)
    return {"status": "done" if how is Handover.DONE else "waiting"}


@router.post("/api/link/code", responses=refusals(401, 413, 429))
async def make_code(listener: SignedIn, cloud: Cloud) -> HandoverCode:
    """Six digits for the touchscreen, good once and for ten minutes."""
    await cloud.database.write(attempts.take, attempts.LINK, listener.profile_id, cloud.now())
    code = await cloud.database.write(handovers.make_code, listener.profile_id, cloud.now())
    return {"code": code, "expires_in": int(handovers.LIFE_S)}


def _by_card(tx: Tx, profile_id: str, names: Sequence[str], counter: int, now_s: float) -> Handover:
    """A card that signs proves that it is at hand; its counter makes each address good once."""
    card = next((row for name in names if (row := cards.find(tx, name))), None)
    if card is None:
        return Handover.UNKNOWN
    if not cards.count(tx, card["key_hash"], counter, now_s):
        return Handover.USED
    owner = profiles.resolve(tx, card["profile_id"])
    assert owner is not None, "a card goes with its owner"
    return handover.unite(tx, owner, profile_id, now_s)
