"""What happens in the room, in plain lines, read from the scene log."""

from __future__ import annotations

from typing import Any

from appliance.model import SceneRow

_ARROW = " → "


def tell(scene: SceneRow) -> str | None:
    """One line for one scene, or None when there is nothing worth saying."""
    who, moves = _who(scene.cause.get("tap")), _moves(scene.cause)
    if not scene.cause.get("moves") or not (who or moves):
        return None
    return _ARROW.join(part for part in (who, _count(scene.cause), moves) if part)


def _who(tap: dict[str, Any] | None) -> str | None:
    if tap is None:
        return None
    if tap["outcome"] == "out":
        return f"{tap['name']} leaves"
    if tap["new"]:
        return f"{tap['name']} is new here: welcome"
    return f"{tap['name']} is back" if tap["outcome"] == "in" else f"{tap['name']} stays"


def _count(cause: dict[str, Any]) -> str:
    here = cause.get("here", 0)
    return "nobody here" if here == 0 else f"{here} here"


def _moves(cause: dict[str, Any]) -> str:
    words = {"in": "comes in", "out": "goes", "up": "up", "down": "down"}
    audible = [move for move in cause.get("moves", []) if _is_audible(move)]
    return ", ".join(f"{move['title']} {words[move['direction']]}" for move in audible[:4])


def _is_audible(move: dict[str, Any]) -> bool:
    if move["from_db"] is None or move["to_db"] is None:
        return True
    return bool(abs(move["to_db"] - move["from_db"]) >= 1.0)
