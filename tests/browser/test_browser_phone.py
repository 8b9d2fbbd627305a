"""The pages for phones in a real browser of a phone's width, from a real server: the room's sign, and a card's QR."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from cloud_stub.seed import seed
from cloud_stub.settings import CloudSettings
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.processes

WIDTH, HEIGHT = 360, 640
TOKEN = "abcdefghijklmnopqrstuv"
SCAN = re.compile("scan the sign in the room first")


@dataclass(frozen=True)
class Served:
    """A cloud with one room."""

    url: str
    room: dict[str, Any]

    def push(self, kind: str, body: dict[str, Any]) -> str:
        """One fact from the room's box; the verdict."""
        now = {"boot_id": "b", "mono_ms": 1000, "wall_ms": 1000}
        request = {**now, "ops": [{"op_id": str(uuid4()), "seq": 1, "type": kind, "body": body, **now}]}
        reply = httpx.post(f"{self.url}/api/sync/v1/push", json=request, headers={"X-API-Key": self.room["token"]})
        verdict: str = reply.json()["results"][0]["status"]
        return verdict


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    data = Path(tmp_path_factory.mktemp("cloud"))
    found = seed(CloudSettings.for_directory(data, {}), listeners=0, pepper=bytes(32), with_starter=False)
    command = [sys.executable, "-m", "appliance", "cloud", "serve", "--data", str(data), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        port = re.search(r":(\d+)\s*$", process.stdout.readline())
        assert port is not None
        yield Served(f"http://127.0.0.1:{port[1]}", found["room"])
        process.terminate()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, has_touch=True)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_S * 1000)
    expect.set_options(timeout=PATIENCE_S * 1000)
    yield page
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDTH, "nothing to scroll sideways"
    context.close()


@contextmanager
def phone_speaking(browser: Browser, locale: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, has_touch=True, locale=locale)
    yield context.new_page()
    context.close()


@contextmanager
def phone_without_scripts(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, java_script_enabled=False)
    yield context.new_page()
    context.close()


def here(cloud: Served) -> int:
    count: int = httpx.get(f"{cloud.url}/api/rooms/{cloud.room['player_id']}").json()["here"]
    return count


def test_opening_the_sign_shows_the_room_and_only_the_button_enters_it(cloud: Served, page: Page) -> None:
    before = here(cloud)
    page.goto(cloud.url + cloud.room["address"])
    expect(page.locator("#name")).to_have_text(cloud.room["name"])
    page.reload()
    expect(page.locator("#here")).not_to_have_text("…")
    assert here(cloud) == before, "a preview, a reload or a second look checks nobody in"
    page.tap("#check-in")
    expect(page.locator("#said")).to_contain_text("Welcome")
    assert here(cloud) == before + 1
    page.goto(cloud.url + cloud.room["address"].partition("?")[0])
    expect(page.locator("#check-out")).to_be_visible()
    assert here(cloud) == before + 1
    page.tap("#check-out")
    expect(page.locator("#said")).to_contain_text("Goodbye")
    assert here(cloud) == before


def test_without_the_signs_signature_one_may_look_but_not_enter(cloud: Served, page: Page) -> None:
    before = here(cloud)
    page.goto(cloud.url + cloud.room["address"].partition("?")[0])
    page.tap("#check-in")
    expect(page.locator("#said")).to_have_text(SCAN)
    assert here(cloud) == before


def test_a_card_is_taken_along_by_its_code_once(cloud: Served, page: Page) -> None:
    card = str(uuid4())
    cloud.push("enrol", {"profile_id": card, "display_name": "Heron", "key_hash": "c" * 64})
    assert cloud.push("link", {"profile_id": card, "token_hash": sha256(TOKEN.encode()).hexdigest()}) == "applied"
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{cloud.url}/link#{TOKEN}")
    page.tap("#take")
    expect(page.locator("#said")).to_contain_text("one person now")
    expect(page.locator("#take")).to_be_hidden()
    assert not [url for url in asked if TOKEN in url.partition("#")[0]]
    login = page.evaluate("localStorage.getItem('cosound.login')")
    me = httpx.get(f"{cloud.url}/api/me", headers={"Authorization": f"Bearer {login}"}).json()
    assert cloud.push("merge", {"profile_id": card, "into_id": me["id"]}) == "superseded", "they are one already"


def test_a_code_that_the_box_has_not_told_of_yet_waits_and_none_at_all_says_what_to_do(
    cloud: Served, page: Page
) -> None:
    page.goto(f"{cloud.url}/link#{TOKEN[::-1]}")
    page.tap("#take")
    expect(page.locator("#said")).to_contain_text("no internet just now")
    page.goto("about:blank")
    page.goto(f"{cloud.url}/link")
    expect(page.locator("#take")).to_be_hidden()
    expect(page.locator("#said")).to_contain_text("tap your card")


def test_the_room_page_shows_digits_for_the_touchscreen(cloud: Served, page: Page) -> None:
    card = str(uuid4())
    cloud.push("enrol", {"profile_id": card, "display_name": "Wren", "key_hash": "d" * 64})
    page.goto(cloud.url + cloud.room["address"])
    page.tap("#card")
    expect(page.locator("#code")).to_have_text(re.compile(r"^\d{3} \d{3}$"))
    code = page.locator("#code").inner_text().replace(" ", "")
    assert cloud.push("link", {"profile_id": card, "code": code}) == "applied"
    login = page.evaluate("localStorage.getItem('cosound.login')")
    me = httpx.get(f"{cloud.url}/api/me", headers={"Authorization": f"Bearer {login}"}).json()
    assert json.dumps(me).find(card) == -1
    assert cloud.push("merge", {"profile_id": card, "into_id": me["id"]}) == "superseded"


@pytest.mark.parametrize(
    ("locale", "language", "enter", "welcome", "gone"),
    [
        ("de-CH", "de", "Ich bin da", "Willkommen", "kein Raum"),
        ("fr-FR", "fr", "Je suis là", "Bienvenue", "pas de salle"),
        ("es-MX", "es", "Estoy aquí", "¡Hola!", "ninguna sala"),
        ("pt-BR", "en", "I’m here", "Welcome", "no room"),
    ],
)
def test_the_pages_speak_the_language_of_the_phone(
    cloud: Served, browser: Browser, locale: str, language: str, enter: str, welcome: str, gone: str
) -> None:
    with phone_speaking(browser, locale) as page:
        page.goto(cloud.url + cloud.room["address"])
        expect(page.locator("html")).to_have_attribute("lang", language)
        expect(page.locator("#check-in")).to_have_text(enter)
        page.tap("#check-in")
        expect(page.locator("#said")).to_contain_text(welcome)
        page.tap("#card")
        expect(page.locator("#code")).to_have_text(re.compile(r"^\d{3} \d{3}$"))
        assert page.evaluate("document.documentElement.scrollWidth") <= WIDTH, "nothing to scroll sideways"
        page.tap("#check-out")
        page.goto(f"{cloud.url}/link#{TOKEN}")  # another phone has used it
        page.tap("#take")
        expect(page.locator("#take")).to_be_hidden()
        assert page.evaluate("document.documentElement.scrollWidth") <= WIDTH
        page.goto(f"{cloud.url}/r/{uuid4()}")
        expect(page.locator("h1")).to_contain_text(gone)


def test_every_language_has_every_word_of_the_pages(cloud: Served, page: Page) -> None:
    marked: set[str] = set()
    for path in (cloud.room["address"], "/link", f"/r/{uuid4()}"):
        page.goto(cloud.url + path)
        asked = "[...document.querySelectorAll('[data-say], [data-label]')].map(e => e.dataset.say || e.dataset.label)"
        marked |= set(page.evaluate(asked))
    words: dict[str, dict[str, str]] = page.evaluate("WORDS")
    refusals: dict[str, dict[str, str]] = page.evaluate("REFUSALS")
    english = words.pop("en")
    assert marked, "the pages' own words are marked in their HTML"
    assert set(words) == set(refusals) == {"de", "es", "fr"}
    for language, spoken in words.items():
        assert set(spoken) == set(english) | marked, language
        assert {key: gaps(spoken[key]) for key in english} == {key: gaps(english[key]) for key in english}, language
    assert len({frozenset(known) for known in refusals.values()}) == 1


def gaps(text: str) -> set[str]:
    """The names that a text is filled in with."""
    return set(re.findall(r"{(\w+)}", text))


@pytest.mark.parametrize("path", ["room", "/link"])
def test_without_scripts_one_is_told_so_and_what_else_to_do(cloud: Served, browser: Browser, path: str) -> None:
    """Nothing that cannot work is shown to press, and it is said in each of the pages' languages."""
    with phone_without_scripts(browser) as page:
        page.goto(cloud.url + (cloud.room["address"] if path == "room" else path))
        told = page.locator("noscript p").first
        expect(told).to_be_in_viewport()
        expect(told).to_contain_text("works with JavaScript only")
        assert page.locator("noscript p[lang]").evaluate_all("all => all.map(one => one.lang)") == ["de", "fr", "es"]
        expect(page.locator("button:visible")).to_have_count(0)


CONTRASTS = """() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => parts(colour).slice(0, 3).map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = (node) => {
    const colour = getComputedStyle(node).backgroundColor;
    return (parts(colour)[3] ?? 1) === 1 ? colour : ground(node.parentElement);
  };
  const shown = [...document.querySelectorAll("body *")].filter((node) => node.checkVisibility()
    && [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim()));
  return shown.map((node) => {
    const [a, b] = [light(getComputedStyle(node).color), light(ground(node))].sort((x, y) => y - x);
    const px = parseFloat(getComputedStyle(node).fontSize);
    return { text: node.textContent, contrast: (a + 0.05) / (b + 0.05), px };
  });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_whoever_sees_badly_can_read_it_and_whoever_has_large_fingers_hit_it(
    cloud: Served, browser: Browser, scheme: Any
) -> None:
    """WCAG AA: 4.5 to 1, letters of 15 px and more, 44 px to press; letters of twice the size still fit."""
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, has_touch=True, color_scheme=scheme)
    page = context.new_page()
    page.goto(cloud.url + cloud.room["address"])
    page.get_by_role("button", name="I’m here").tap()
    expect(page.get_by_role("group")).to_be_visible()
    seen = page.evaluate(CONTRASTS)
    assert len(seen) > 8
    assert [one for one in seen if one["contrast"] < 4.5 or one["px"] < 15] == []
    for button in page.locator("button:visible").all():
        box = button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44, button.inner_text()
    page.evaluate("document.documentElement.style.fontSize = '36px'")
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDTH
    context.close()
