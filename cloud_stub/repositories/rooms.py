"""What boxes last said of their rooms: the newest heartbeat, and the scenes of the last minutes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from cloud_stub.database import Asked, Row, Tx, marks
from cloud_stub.moments import to_seconds, to_text
from cloud_stub.repositories.voters import ROOM_OF_LOGIN
from sync.wire import BareBeat, Heartbeat

KEEP_SCENES_S = 600.0
_SAID = "boot_id, audible, silent_on_purpose, scene_id, layers, why, here, version"
_HEARD = (
    "select heard_at, scene_id, layers from scenes where player_id = {room} and heard_at >= ? order by heard_at desc"
)
_HEARD_IN, _HEARD_BY_LOGIN = _HEARD.format(room="?"), _HEARD.format(room=ROOM_OF_LOGIN)

Layers = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """What sounded at one moment: (song, audible share) by falling share."""

    at_s: float
    scene_id: str | None
    layers: Layers


@dataclass(frozen=True, slots=True)
class RoomState:
    """The newest word of a box."""

    heard: Heard
    audible: bool
    silent_on_purpose: bool
    why: tuple[str, ...]


def note(tx: Tx, player_id: str, beat: Heartbeat, now_s: float) -> RoomState:
    """Keep what a box says now, and forget what its room heard long ago."""
    layers = tuple((str(layer.song_id), layer.share) for layer in beat.scene) if beat.audible else ()
    layers = tuple(sorted(layers, key=lambda layer: (-layer[1], layer[0])))
    now, text = to_text(now_s), json.dumps(layers)
    scene_id = str(beat.scene_id) if beat.scene_id else None
    tx.tell(
        "insert into player_state (player_id, heard_at, boot_id, audible, silent_on_purpose, scene_id, layers, why, "
        "here, pending, underruns, disk_free_mb, version) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "on conflict (player_id) do update set heard_at = excluded.heard_at, boot_id = excluded.boot_id, "
        "audible = excluded.audible, silent_on_purpose = excluded.silent_on_purpose, scene_id = excluded.scene_id, "
        "layers = excluded.layers, why = excluded.why, here = excluded.here, pending = excluded.pending, "
        "underruns = excluded.underruns, disk_free_mb = excluded.disk_free_mb, version = excluded.version",
        player_id, now, beat.boot_id, int(beat.audible), int(beat.silent_on_purpose), scene_id, text,
        json.dumps(beat.why), beat.here, beat.pending, beat.underruns, beat.disk_free_mb, beat.version,
    )  # fmt: skip
    _note_scene(tx, player_id, scene_id, text, now_s)
    tx.heard.add(player_id)
    return RoomState(Heard(now_s, scene_id, layers), beat.audible, beat.silent_on_purpose, beat.why)


def kept_name(tx: Tx, player_id: str) -> str | None:
    """A name for all that the newest full heartbeat said."""
    row = tx.one(f"select {_SAID} from player_state where player_id = ?", player_id)  # noqa: S608 - our own constant
    return None if row is None else sha256(json.dumps(list(row.values()), default=str).encode()).hexdigest()[:12]


def repeat(tx: Tx, player_id: str, beat: BareBeat, now_s: float) -> bool:
    """All is as in the heartbeat it names; False when that is not the one we keep."""
    if kept_name(tx, player_id) != beat.as_before:
        return False
    row = tx.one(
        "update player_state set heard_at = ?, pending = ?, underruns = ? where player_id = ? "
        "returning scene_id, layers",
        to_text(now_s), beat.pending, beat.underruns, player_id,
    )  # fmt: skip
    assert row is not None
    _note_scene(tx, player_id, row["scene_id"], row["layers"], now_s)
    return True


def _note_scene(tx: Tx, player_id: str, scene_id: str | None, layers: str, now_s: float) -> None:
    tx.tell(
        "insert into scenes (player_id, heard_at, scene_id, layers) values (?, ?, ?, ?) "
        "on conflict (player_id, heard_at) do update set scene_id = excluded.scene_id, layers = excluded.layers",
        player_id, to_text(now_s), scene_id, layers,
    )  # fmt: skip
    tx.tell("delete from scenes where player_id = ? and heard_at < ?", player_id, to_text(now_s - KEEP_SCENES_S))


def state(tx: Tx, player_id: str) -> RoomState | None:
    """The newest heartbeat, or None when the box never spoke."""
    return states(tx, [player_id]).get().get(player_id)


def states(tx: Tx, player_ids: Sequence[str]) -> Asked[dict[str, RoomState]]:
    """The newest heartbeats of those of the players that ever spoke."""
    return tx.ask(
        lambda rows: {row["player_id"]: _state(row) for row in rows},
        f"select * from player_state where player_id in ({marks(player_ids)})",  # noqa: S608 - marks
        *player_ids,
    )


def _state(row: Row) -> RoomState:
    heard = Heard(to_seconds(row["heard_at"]), row["scene_id"], _layers(row["layers"]))
    why = tuple(json.loads(row["why"]))
    return RoomState(heard, bool(row["audible"]), bool(row["silent_on_purpose"]), why)


def heard_since(tx: Tx, player_id: str, since_s: float) -> Asked[list[Heard]]:
    """The room's scenes from then on, newest first."""
    return tx.ask(_scenes, _HEARD_IN, player_id, to_text(since_s))


def heard_by_login(tx: Tx, auth_user_id: str, since_s: float, now_s: float) -> Asked[list[Heard]]:
    """The same of the room where the listener of this login is."""
    return tx.ask(_scenes, _HEARD_BY_LOGIN, auth_user_id, to_text(now_s), to_text(since_s))


def _scenes(rows: list[Row]) -> list[Heard]:
    return [Heard(to_seconds(row["heard_at"]), row["scene_id"], _layers(row["layers"])) for row in rows]


def _layers(text: str) -> Layers:
    return tuple((song_id, share) for song_id, share in json.loads(text))
