"""What is taken from, and given to, the answers of Flet's server."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from appliance.ui.front import UNWANTED, Front, way_back

PAGE = "<html><head><title>é</title></head><body></body></html>"
ISOLATED = {name.decode(): "same-origin" for name in UNWANTED}


async def page(_request: Request) -> Response:
    return HTMLResponse(PAGE, headers=ISOLATED)


async def page_in_parts(_request: Request) -> Response:
    return StreamingResponse(iter([PAGE[:20], PAGE[20:]]), media_type="text/html")


async def module(_request: Request) -> Response:
    return Response(b"</head>", media_type="application/wasm", headers=ISOLATED)


def answer(path: str, method: str = "GET") -> httpx.Response:
    routes = [Route("/", page), Route("/parts", page_in_parts), Route("/module", module)]
    front = Front(Starlette(routes=routes), b"<!--ours-->")

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(front), base_url="http://screen") as client:
            return await client.request(method, path)

    return asyncio.run(ask())


@pytest.mark.parametrize("path", ["/", "/parts"])
def test_a_page_has_ours_in_its_head_and_says_how_long_it_is(path: str) -> None:
    got = answer(path)
    assert got.text == PAGE.replace("</head>", "<!--ours--></head>")
    assert got.headers["content-length"] == str(len(got.content))


def test_nothing_else_is_changed() -> None:
    assert answer("/module").content == b"</head>"
    assert answer("/", "HEAD").content == b""


@pytest.mark.parametrize("path", ["/", "/module"])
def test_no_answer_isolates_the_page(path: str) -> None:
    assert not UNWANTED & {name.encode() for name in answer(path).headers}


def test_the_way_back_says_its_line_and_is_one_script() -> None:
    head = way_back("L'écran démarre …", "fr").decode()
    assert 'content:"L\'écran démarre …"' in head, "an apostrophe ends nothing"
    assert head.count("<script>") == head.count("</script>") == 1
