from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import httpx
import pytest

from appliance.errors import CosoundError
from sync.client import Cloud
from sync.errors import BadRequest, LinkDown, MediaError, NotAuthorised, NotTheCloud
from sync.http import LEAST_BYTES_S, PATIENCE_S, Ears
from sync.wire import Heartbeat

BEAT = Heartbeat(boot_id="b", mono_ms=1, wall_ms=1, audible=True)
OK = {"server_time": 1.0, "rev": 2, "queue_rev": 3}
PORTAL = "<!doctype html><title>Welcome to Café Wi-Fi</title>"


def cloud(answer: httpx.Response | Exception, heard: Callable[[], None] | None = None) -> Cloud:
    def handle(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return Cloud(
        httpx.Client(transport=httpx.MockTransport(handle), base_url="http://cloud/room"),
        "secret",
        Ears(heard or (lambda: None)),
    )


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (httpx.ConnectError("refused"), LinkDown, "no connection"),
        (httpx.ConnectTimeout("slow"), LinkDown, "no answer in time"),
        (httpx.ReadError("cut"), LinkDown, "no connection"),
        (httpx.RemoteProtocolError("cut"), LinkDown, "no connection"),
        (httpx.Response(500, text="oops"), LinkDown, "500"),
        (httpx.Response(502, html="<h1>Bad gateway</h1>"), LinkDown, "502"),
        (httpx.Response(200, html=PORTAL), NotTheCloud, "captive portal"),
        (httpx.Response(403, html=PORTAL), NotTheCloud, "captive portal"),
        (httpx.Response(404, html=PORTAL), NotTheCloud, "captive portal"),
        (httpx.Response(511, html=PORTAL), NotTheCloud, "login"),
        (httpx.Response(302, headers={"location": "http://wifi/login"}), NotTheCloud, "http://wifi/login"),
        (httpx.Response(200, content=PORTAL), NotTheCloud, "captive portal"),
        (httpx.Response(200, content=b""), NotTheCloud, "not ours"),
        (httpx.Response(200, json=[1, 2]), NotTheCloud, "not ours"),
        (httpx.Response(200, json=OK | {"rev": "many"}), NotTheCloud, "rev"),
        (httpx.Response(200, content=b"\xff\xfe\x00"), NotTheCloud, "not ours"),
        (httpx.Response(404, json={"detail": "Not Found"}), NotTheCloud, r"cloud\.url"),
        (httpx.Response(401, json={"success": False}), NotAuthorised, r"cloud\.token"),
        (httpx.Response(403, json={"success": False}), NotAuthorised, r"cloud\.token"),
        (httpx.Response(400, json={"detail": "no seq"}), BadRequest, "no seq"),
        (httpx.Response(422, json={"detail": [{"loc": ["ops"]}]}), BadRequest, "ops"),
        (httpx.Response(422, content=b"\x80"), BadRequest, "no reason"),
        (httpx.Response(413, html="<h1>413 Request Entity Too Large</h1>"), BadRequest, "too large"),
    ],
)  # fmt: skip
def test_each_answer_has_its_error(answer: httpx.Response | Exception, error: type[CosoundError], says: str) -> None:
    with pytest.raises(error, match=says) as raised:
        cloud(answer).heartbeat(BEAT)
    assert type(raised.value) is error


def test_what_the_cloud_answers_is_heard_and_what_others_answer_is_not() -> None:
    heard: list[bool] = []
    assert cloud(httpx.Response(200, json=OK), lambda: heard.append(True)).heartbeat(BEAT).rev == 2
    with pytest.raises(NotTheCloud):
        cloud(httpx.Response(200, html=PORTAL), lambda: heard.append(False)).queue()
    assert heard == [True]


def test_before_each_question_somebody_may_forbid_it() -> None:
    def no() -> None:
        raise LinkDown("the cloud asked for patience")

    def handle(request: httpx.Request) -> httpx.Response:
        raise AssertionError("it was asked")

    http = httpx.Client(transport=httpx.MockTransport(handle), base_url="http://cloud/room")
    asking = Cloud(http, "secret", Ears(asking=no))
    for ask in (lambda: asking.heartbeat(BEAT), asking.queue, lambda: asking.open_media("ab" * 32, {}).__enter__()):
        with pytest.raises(LinkDown, match="patience"):
            ask()


def test_a_store_that_asks_for_patience_is_given_it() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.host == "cloud":
            return httpx.Response(302, headers={"location": "http://store/file"})
        return httpx.Response(503, headers={"retry-after": "40"})

    http = httpx.Client(transport=httpx.MockTransport(handle), base_url="http://cloud/room")
    with pytest.raises(MediaError, match="503, not before 40 s") as refusal:
        Cloud(http, "secret").open_media("ab" * 32, {}).__enter__()
    assert refusal.value.retry_after_s == 40.0


def test_to_be_sent_on_for_a_file_is_no_word_of_the_clouds() -> None:
    """A captive portal sends on whoever asks: the link must not look up by it."""
    heard: list[bool] = []

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.host == "cloud":
            return httpx.Response(302, headers={"location": "http://elsewhere/file"})
        assert "secret" not in str(request.headers)
        return httpx.Response(200, content=b"sound")

    http = httpx.Client(transport=httpx.MockTransport(handle), base_url="http://cloud/room")
    with Cloud(http, "secret", Ears(heard=lambda: heard.append(True))).open_media("ab" * 32, {}) as response:
        assert response.read() == b"sound"
    assert heard == []


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "99999"}, 300.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:30 GMT", "date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 30.0),
        ({}, 0.0),
    ],
)
def test_patience_asked_for_is_given_within_reason(headers: dict[str, str], wait_s: float) -> None:
    with pytest.raises(LinkDown) as raised:
        cloud(httpx.Response(429, headers=headers)).heartbeat(BEAT)
    assert (raised.value.retry_after_s, raised.value.answered) == (wait_s, True)


def test_a_kept_connection_that_was_closed_is_asked_once_more() -> None:
    tries: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        tries.append(request.url.path)
        if len(tries) == 1:
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        return httpx.Response(200, json=OK)

    http = httpx.Client(transport=httpx.MockTransport(handle), base_url="http://cloud/room")
    assert Cloud(http, "secret").heartbeat(BEAT).rev == 2
    assert tries == ["/room/api/player/heartbeat"] * 2


def test_an_answer_that_never_ends_is_left() -> None:
    def drip() -> object:
        while True:
            yield b" " * (1 << 20)

    with pytest.raises(LinkDown, match="in time"):
        cloud(httpx.Response(200, content=drip())).heartbeat(BEAT)  # type: ignore[arg-type]


@pytest.mark.parametrize(("bytes_s", "comes"), [(1, False), (LEAST_BYTES_S, True)])
def test_a_slow_answer_is_waited_for_and_a_drip_is_not(
    bytes_s: float, comes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte now and then keeps every timeout of a socket away."""
    now_s = [0.0]
    monkeypatch.setattr("sync.http.monotonic", lambda: now_s[0])

    def slowly() -> Iterator[bytes]:
        for _ in range(int(2 * PATIENCE_S)):
            now_s[0] += 1
            yield b" " * int(bytes_s)
        yield json.dumps(OK).encode()

    slow = cloud(httpx.Response(200, content=slowly()))
    if comes:
        assert slow.heartbeat(BEAT).rev == 2
        return
    with pytest.raises(LinkDown, match="in time"):
        slow.heartbeat(BEAT)
    assert now_s[0] == PATIENCE_S + 1


def test_a_closed_client_is_a_link_that_is_down() -> None:
    closed = cloud(httpx.Response(200, json=OK))
    closed.close()
    with pytest.raises(LinkDown, match="closed"):
        closed.heartbeat(BEAT)


def test_our_token_goes_to_the_cloud_and_not_to_the_store_it_points_to() -> None:
    seen: list[tuple[str, str | None, str | None]] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append((request.url.host, request.headers.get("x-api-key"), request.headers.get("range")))
        if request.url.host == "cloud":
            return httpx.Response(302, headers={"location": "https://store/signed?x=1"})
        return httpx.Response(206, content=b"abc", headers={"content-range": "bytes 2-4/5"})

    http = httpx.Client(transport=httpx.MockTransport(handle), base_url="http://cloud")
    with Cloud(http, "secret").open_media("a" * 64, {"Range": "bytes=2-"}) as response:
        assert response.read() == b"abc"
    assert seen == [("cloud", "secret", "bytes=2-"), ("store", None, "bytes=2-")]


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://store/x"])
def test_a_file_is_not_fetched_from_what_is_no_web_address(location: str) -> None:
    sender = cloud(httpx.Response(302, headers={"location": location}))
    with pytest.raises(MediaError, match="no web address"), sender.open_media("a" * 64, {}):
        pass


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(404, json={}), MediaError),
        (httpx.Response(410, json={}), MediaError),
        (httpx.Response(200, html=PORTAL), NotTheCloud),
        (httpx.Response(401, json={}), NotAuthorised),
        (httpx.Response(503), LinkDown),
    ],
)
def test_a_file_that_cannot_be_had(answer: httpx.Response, error: type[CosoundError]) -> None:
    with pytest.raises(error), cloud(answer).open_media("a" * 64, {}):
        pass


@pytest.mark.parametrize("status", [302, 403, 404, 500, 503])
def test_a_store_that_fails_concerns_this_file_alone(status: int) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.host == "cloud":
            return httpx.Response(307, headers={"location": "https://store/signed"})
        return httpx.Response(status, headers={"location": "https://elsewhere/"})

    sender = Cloud(httpx.Client(transport=httpx.MockTransport(handle), base_url="http://cloud"), "secret")
    with pytest.raises(MediaError, match=str(status)), sender.open_media("a" * 64, {}):
        pass
