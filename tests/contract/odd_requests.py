"""Requests made up from the server's own description of itself, sent by those who may and those who may not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from cloud_world import RAIN, World
from hypothesis import strategies as st
from schemathesis import Case, openapi
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from cloud_stub.app import create_app
from cloud_stub.repositories import songs
from cloud_stub.settings import CloudSettings
from sync.facts import OP_BODIES

CHECKED = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip
STEP_S = 45.0  # between two requests, so that limits are met and end
ENDLESS = "/events"


def operations() -> dict[str, APIOperation[Any, Any, Any]]:
    """By name; those that answer for ever are looked at elsewhere."""
    nowhere = CloudSettings(Path(), Path("cloud.db"), Path("media"), "unused")
    described = openapi.from_dict(create_app(nowhere).openapi())
    found = [result.ok() for result in described.get_all_operations()]
    return {operation.label: operation for operation in found if not operation.path.endswith(ENDLESS)}


@dataclass
class Cast:
    """Who asks, and about what there is."""

    world: World
    callers: list[dict[str, str]]
    ids: dict[str, list[str]]

    @classmethod
    def in_(cls, world: World) -> Cast:
        song, box, other = world.song("Rain", RAIN, data=uuid4().bytes), world.box(), world.box("Bar")
        phone, staff, manager = world.phone(), world.staff(), world.staff("manager")
        world.check_in(phone, box)
        box.hears((song, 1.0))
        rooms, people = [box.player_id, other.player_id], [phone.me()["id"], staff.me()["id"]]
        sha256 = world.read(songs.find, song)["sha256"]
        ids = {"player_id": rooms, "song_id": [song], "sha256": [sha256], "name": [f"{sha256}.wav", "room.js"],
               "profile_id": people, "into_id": people, "session_id": people, "boot_id": ["boot-1"]}  # fmt: skip
        headers = [{}, box.headers, other.headers, phone.headers, staff.headers, manager.headers]
        return cls(world, headers, ids)

    def send(self, case: Case, draw: st.DataObject) -> None:
        """As it was made up, or with a caller and things that there are; then its answer is held against the page."""
        asked = case.as_transport_kwargs()
        caller = draw.draw(st.sampled_from(self.callers), label="caller")
        headers = {**asked["headers"], **caller} if draw.draw(st.booleans(), label="logged in") else asked["headers"]
        path = case.path
        for name, value in case.path_parameters.items():
            known = draw.draw(st.sampled_from([None, *self.ids.get(name, [])]), label=name)
            path = path.replace(f"{{{name}}}", known or httpx.URL(path=f"/{value}").raw_path.decode()[1:])
        if case.path.endswith("/push") and draw.draw(st.booleans(), label="facts"):
            asked["json"] = {"boot_id": "boot-1", "mono_ms": 10**6, "wall_ms": 0, "ops": draw.draw(_ops(self.ids))}
        if path == "/health":  # it would be right to be ill: the clock has run away from the ranking
            self.world.refresh()
        content, kind = self._body(asked, draw)
        sent = {name: value.encode() for name, value in {**headers, **kind}.items() if value is not None}
        answer = self.world.client.request(
            case.method, path or "/", headers=sent, params=asked["params"], content=content
        )
        self.world.time.advance(STEP_S)
        case.validate_response(answer, checks=CHECKED)

    def _body(self, asked: dict[str, Any], draw: st.DataObject) -> tuple[bytes, dict[str, str]]:
        """What is sent, and the header that says what it is."""
        if "json" in asked:
            return json.dumps(self._known(asked["json"], draw)).encode(), {}
        if asked.get("files"):
            parts = [(name, (file, _bytes(data))) for name, (file, data, *_) in asked["files"]]
            form = httpx.Request("POST", "http://form", files=parts)
            return form.read(), {"Content-Type": form.headers["content-type"]}
        return _bytes(asked.get("data") or b""), {}

    def _known(self, body: Any, draw: st.DataObject) -> Any:
        if not isinstance(body, dict):
            return body
        return {
            name: draw.draw(st.sampled_from([value, *self.ids.get(name, [])]), label=name)
            if name in self.ids
            else value
            for name, value in body.items()
        }


def _bytes(data: Any) -> bytes:
    return data if isinstance(data, bytes) else str(data).encode()


_ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=20), st.just("\x00"),
    st.just([]), st.just({}), st.sampled_from(["pin", "place", "screen", "phone", "c" * 64, "123456", 1, 5, 3600.0]),
)  # fmt: skip


@st.composite
def _ops(draw: st.DrawFn, ids: dict[str, list[str]]) -> list[dict[str, Any]]:
    """Facts of every kind, with values of every kind."""
    ops = []
    for number in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(sorted(OP_BODIES)))
        body = {}
        for name in OP_BODIES[kind].model_fields:
            known = ids.get(name) or (["00000000-0000-4000-8000-00000000000a"] if name.endswith("_id") else [])
            body[name] = draw(st.one_of(st.sampled_from(known), _ANYTHING) if known else _ANYTHING)
        ops.append({"op_id": draw(st.uuids().map(str)), "seq": number, "type": kind, "body": body,
                    "boot_id": "boot-1", "mono_ms": draw(st.integers(0, 10**6)), "wall_ms": 0})  # fmt: skip
    return ops
