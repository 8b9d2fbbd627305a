"""The page of the protocol names every body, field and limit as the wire's models have them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from sync import facts, rpc, wire

PAGE = Path(__file__).parents[3] / "docs" / "sync-protocol.md"
ENVELOPES: dict[str, type[BaseModel]] = {
    model.__name__: model
    for model in (
        wire.PushRequest, wire.Op, wire.PushReply, wire.Verdict, wire.PullReply, wire.Change, wire.QueueReply,
        wire.QueueSong, wire.Heartbeat, facts.LayerShare, wire.BareBeat, wire.HeartbeatReply,
    )
}  # fmt: skip

SECOND_DOOR: dict[str, type[BaseModel]] = {
    model.__name__: model
    for model in (rpc.RpcPush, rpc.RpcPushReply, rpc.RpcPull, rpc.PullQuery, rpc.RpcPullReply)
}  # fmt: skip


def table(models: dict[str, type[BaseModel]]) -> list[str]:
    """One line a model: its fields, each with its type, its limits, and its default when it may be left out."""
    return [f"| `{name}` | {fields(model)} |" for name, model in models.items()]


def fields(model: type[BaseModel]) -> str:
    schema = model.model_json_schema()
    required = schema.get("required", ())
    return ", ".join(
        f"`{name}` {kind(part)}" + ("" if name in required else f" = {json.dumps(part.get('default'))}")
        for name, part in schema["properties"].items()
    )


def kind(part: dict[str, Any]) -> str:
    """What a field may hold, from its JSON schema."""
    for key, told in _TOLD.items():
        if key in part:
            return told(part)
    name = _NAMES.get(part.get("type", "JSON"), part.get("type", "JSON"))
    low, high = part.get("minimum", part.get("minLength")), part.get("maximum", part.get("maxLength"))
    limits = "" if low is high is None else f" {low:.10g} … {'' if high is None else f'{high:.10g}'}"
    return f"{name}{limits}".rstrip()


_NAMES = {"string": "text", "object": "JSON"}
_TOLD: dict[str, Callable[[dict[str, Any]], str]] = {
    "anyOf": lambda part: " or ".join(kind(one) for one in part["anyOf"]),
    "enum": lambda part: " / ".join(map(str, part["enum"])),
    "$ref": lambda part: str(part["$ref"].rpartition("/")[2]),
    "format": lambda part: str(part["format"]),
    "pattern": lambda part: f"text like `{part['pattern']}`",
    "prefixItems": lambda part: f"{len(part['prefixItems'])} × {kind(part['prefixItems'][0])}",
    "maxItems": lambda part: f"list of {kind(part['items'])}, at most {part['maxItems']}",
    "items": lambda part: f"list of {kind(part['items'])}",
}


@pytest.mark.parametrize(
    "models",
    [facts.OP_BODIES, wire.BUCKET_ROWS, ENVELOPES, SECOND_DOOR],
    ids=["facts", "rows", "envelopes", "second door"],
)
def test_the_page_has_every_body_as_the_models_have_it(models: dict[str, type[BaseModel]]) -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    start = lines.index(table(models)[0])
    assert lines[start : start + len(models)] == table(models)
    assert not lines[start + len(models)], "the table has rows that the models do not"


@pytest.mark.parametrize("name", ["PUSH_MAX_OPS", "PULL_MAX_ROWS", "LONG_POLL_S", "POLL_S", "HEARTBEAT_S"])
def test_the_page_has_every_limit(name: str) -> None:
    assert f"| `{name}` | {getattr(rpc if name == 'POLL_S' else wire, name):g} |" in PAGE.read_text(encoding="utf-8")
