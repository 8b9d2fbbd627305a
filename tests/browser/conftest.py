"""A still room, its screen in a thread, and one browser page a module."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="playwright is missing: pip install -e '.[dev]'")

from playwright.sync_api import Browser

from appliance.ui.browser import INSTALL, chromium, headless, served
from appliance.ui.glass import Glass
from appliance.ui.languages import texts_for
from appliance.ui.still import StillRoom
from appliance.ui.texts import Texts

FAILED = Path("build/failed")
PANELS = [(800, 480, "en"), (1280, 800, "fr")]
KNOWN_OUTSIDE = "rive_native"  # the client asks for it whatever we say; it is refused and not missed


@dataclass(frozen=True, slots=True)
class Panel:
    """A room, the glass in front of it, and the words it should use."""

    room: StillRoom
    glass: Glass
    url: str
    texts: Texts
    width: int
    height: int

    @property
    def asked_outside(self) -> list[str]:
        return [url for url in self.glass.outside if KNOWN_OUTSIDE not in url]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that failed says what was on the panel's page, and leaves a picture of it in build/failed."""
    report = yield
    panel = getattr(item, "funcargs", {}).get("panel")
    if report.failed and panel is not None:
        picture = FAILED / f"{item.name.replace('/', '-')}.png"
        report.sections.append(("the page", panel.glass.last_look(picture)))
    return report


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if chromium() is None:
        pytest.skip(f"no Chromium on this machine: {INSTALL}")
    with headless() as browser:
        yield browser


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What a glass shows is tried on every panel, what it does on the smallest (on all with COSOUND_PANELS=all)."""
    if "panel" in metafunc.fixturenames:
        every = metafunc.definition.get_closest_marker("every_panel") or os.environ.get("COSOUND_PANELS") == "all"
        panels = PANELS if every else PANELS[:1]
        ids = [f"{width}x{height}-{language}" for width, height, language in panels]
        metafunc.parametrize("panel", panels, ids=ids, indirect=True, scope="module")


@pytest.fixture(scope="module")
def panel(
    request: pytest.FixtureRequest, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Panel]:
    width, height, language = request.param
    room = StillRoom(tmp_path_factory.mktemp("room"), language)
    with served(room) as url:
        glass = Glass(browser, url, width, height)
        yield Panel(room, glass, url, texts_for(language), width, height)
        glass.close()
    room.close()
