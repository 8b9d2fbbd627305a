"""A room's address, signed: whoever has it was in the room, or was sent it by somebody who was.

It stands on stickers and signs, so it must hold for years; a room that is visited from afar gets a new version. Boxes
are told theirs as the setting `room_url`, and keep it while the cloud is away.
"""

from __future__ import annotations

from checkin import tokens
from cloud_stub.database import Row, Tx
from cloud_stub.repositories import players

SETTING = "room_url"


def address_of(player: Row, secret_key: str, public_url: str | None) -> str:
    """The newest address of a room; without a public URL only its path, to be put behind the one a box knows us by."""
    return tokens.sign_room_url(_key(secret_key), public_url or "", player["id"], player["address_version"])


def is_signed(player: Row, secret_key: str, signature: str) -> bool:
    """Is this a signature of ours on the room's address, of a version that still holds?"""
    versions = range(player["address_oldest"], player["address_version"] + 1)
    signed = [tokens.is_room_signature(_key(secret_key), player["id"], version, signature) for version in versions]
    return any(signed)


def publish(tx: Tx, secret_key: str, public_url: str | None, now_s: float, player_id: str | None = None) -> None:
    """Tell the room's box, or all, what its address is; nobody hears anything where that is no news."""
    told = players.setting_of_all(tx, SETTING)
    for row in players.listed(tx):
        address = address_of(row, secret_key, public_url)
        if player_id in (None, row["id"]) and told.get(row["id"]) != address:
            players.set_setting(tx, row["id"], SETTING, address, now_s)


def _key(secret_key: str) -> bytes:
    return tokens.key_for(secret_key.encode(), "room")
