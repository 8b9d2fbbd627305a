"""A page whose renderer fell over, or never came, loads itself again: no hand but the page's own is at work here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from staff_door import go_to_the_room, open_mixer

from tests.patience import PATIENCE_S

if TYPE_CHECKING:
    from conftest import Panel
    from playwright.sync_api import Browser, Page, Route

pytestmark = pytest.mark.processes

PATIENCE_MS = PATIENCE_S * 1000
TRAP = "new WebAssembly.RuntimeError('memory access out of bounds')"
STARTS = "JSON.parse(sessionStorage.getItem('cosound.starts') || '[]')"


def throw(page: Page, error: str) -> str | None:
    """Let the page throw this; the line it then shows over everything, None when it goes on."""
    line: str | None = page.evaluate(
        "() => new Promise(told => setTimeout(() => {"
        " setTimeout(() => told(document.getElementById('curtain')?.textContent ?? null));"
        f" throw {error} }}))"
    )
    return line


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page without a hand on it."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    yield page
    context.close()


def test_it_is_back_in_its_place_and_says_one_plain_line_meanwhile(panel: Panel) -> None:
    go_to_the_room(panel)
    open_mixer(panel)
    with panel.glass.page.expect_event("load", timeout=PATIENCE_MS):
        assert throw(panel.glass.page, TRAP) == panel.texts.screen_starting
    panel.glass.wait_for("mixer")
    panel.glass.open("strip-1-mute", "strip-1-let-go")
    panel.glass.shut("strip-1-mute", "strip-1-let-go")
    assert panel.glass.fell == ["memory access out of bounds"]
    assert panel.glass.errors == []


def test_an_error_of_another_kind_is_no_reason(panel: Panel) -> None:
    assert throw(panel.glass.page, "new Error('a touch that did not work')") is None
    assert panel.glass.errors.pop() == "a touch that did not work"


def test_a_page_that_falls_at_once_each_time_waits_longer_each_time(panel: Panel, page: Page) -> None:
    page.add_init_script(f"addEventListener('load', () => {{ throw {TRAP} }})")
    page.goto(panel.url)
    page.wait_for_function(f"{STARTS}.length > 3")
    first, second, third, fourth = page.evaluate(STARTS)[:4]
    assert second - first >= 500
    assert third - second >= 1000
    assert fourth - third >= 2000


def test_a_loader_that_did_not_come_is_asked_for_again(panel: Panel, page: Page) -> None:
    refused: list[str] = []

    def first_refused(route: Route) -> None:
        if refused:
            route.continue_()
        else:
            refused.append(route.request.url)
            route.abort()

    for part in ("flutter_bootstrap.js", "main.dart.wasm"):
        refused.clear()
        page.route(f"**/{part}", first_refused)
        page.goto(panel.url)
        page.locator("flt-semantics-placeholder").wait_for(state="attached")
        assert refused
        assert len(page.evaluate(STARTS)) == 1
        page.unroute(f"**/{part}")
        page.evaluate("sessionStorage.clear()")
