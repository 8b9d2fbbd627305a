"""A box's first token, from the code that staff read out to the file that the sync process is handed."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cloud_world import Box, World

from appliance.errors import SetupError
from sync.claim import claim
from sync.errors import LinkDown


@pytest.fixture
def http(world: World) -> Iterator[httpx.Client]:
    def answer(request: httpx.Request) -> httpx.Response:
        kind = {"Content-Type": request.headers["content-type"]}
        reply = world.client.request(request.method, request.url.path, headers=kind, content=request.content)
        return httpx.Response(reply.status_code, content=reply.content)

    with httpx.Client(base_url="http://cloud.test", transport=httpx.MockTransport(answer)) as client:
        yield client


def code_for(world: World, box: Box) -> str:
    return str(world.staff().post(f"/api/admin/players/{box.player_id}/claim").json()["code"])


def test_a_code_becomes_a_token_that_opens_the_room(world: World, box: Box, http: httpx.Client, tmp_path: Path) -> None:
    target = tmp_path / "credstore" / "cosound.player-token"
    assert claim(http, code_for(world, box), target) == "Lobby"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    box.token = target.read_text()
    assert box.queue().status_code == 200
    assert list(target.parent.iterdir()) == [target]


def test_a_code_that_is_none_leaves_what_was_there(http: httpx.Client, tmp_path: Path) -> None:
    target = tmp_path / "token"
    target.write_text("the old one")
    with pytest.raises(SetupError, match="ask for a new one"):
        claim(http, "AAAAAAAA", target)
    assert target.read_text() == "the old one"
    assert list(tmp_path.iterdir()) == [target]


def test_where_the_token_cannot_be_kept_the_code_is_not_used_up(
    world: World, box: Box, http: httpx.Client, tmp_path: Path
) -> None:
    code = code_for(world, box)
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match="cannot be written"):
        claim(http, code, tmp_path / "file" / "token")
    assert claim(http, code, tmp_path / "token") == "Lobby"


@pytest.mark.parametrize("page", [b"<html>log in to the network</html>", b"[]", b"{}"])
def test_who_is_not_the_cloud_is_told_apart(tmp_path: Path, page: bytes) -> None:
    portal = httpx.MockTransport(lambda _: httpx.Response(200, content=page))
    with (
        httpx.Client(base_url="http://portal", transport=portal) as http,
        pytest.raises(SetupError, match="not the cloud"),
    ):
        claim(http, "AAAAAAAA", tmp_path / "token")


def test_a_cloud_that_is_away_is_said(tmp_path: Path) -> None:
    with httpx.Client(base_url="http://127.0.0.1:9") as http, pytest.raises(LinkDown, match="does not answer"):
        claim(http, "AAAAAAAA", tmp_path / "token")
