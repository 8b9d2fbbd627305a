"""One client of the screen: which page it shows, and when it goes back to the room."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

import flet as ft

from appliance.clock import Clock
from appliance.errors import CosoundError, InputError
from appliance.store import Store
from appliance.ui import theme
from appliance.ui.desk import Desk
from appliance.ui.feed import Feed
from appliance.ui.guard import PinGuard
from appliance.ui.hands import Hands
from appliance.ui.keep import KeepPage
from appliance.ui.mixer import MixerPage
from appliance.ui.overlay import Overlay
from appliance.ui.pin import PinPage
from appliance.ui.room import RoomPage
from appliance.ui.room_view import RoomView
from appliance.ui.songs import SongsPage
from appliance.ui.state import ScreenState
from appliance.ui.texts import drawable
from appliance.ui.theme import Layout
from appliance.ui.voice import Voice
from appliance.voting import vote_on_mix

log = logging.getLogger(__name__)


class ScreenPage(Protocol):
    """One page: a control, and what to change in it when the state has changed."""

    control: ft.Control
    left_alone_s: float  # untouched for so long, it goes back to the room

    def refresh(self, state: ScreenState) -> None: ...


class Session:
    """Lives on the server's loop. Every client begins in the room; the staff pages are built behind the PIN only."""

    def __init__(
        self,
        page: ft.Page,
        state: ScreenState,
        feed: Feed,
        guard: PinGuard,
        later: Callable[[Callable[[], None]], None],
        cloud_url: str = "",
    ) -> None:
        self._page = page
        self._state = state
        self._feed = feed
        self._guard = guard
        self._later = later
        self._cloud_url = cloud_url
        self._clock: Clock = state.clock
        self._desk = Desk(self._clock)
        self._voice = Voice(feed, self._desk, self._touch, later, self.refresh)
        self._touched_s = self._clock.boot_s()
        self._build: Callable[[], ScreenPage] = self._room
        self._shown: ScreenPage | None = None

    def open(self) -> None:
        """Dress the page and show the room."""
        page = self._page
        page.title = "Cosound"
        page.theme_mode = ft.ThemeMode.DARK
        page.theme = ft.Theme(color_scheme_seed=theme.BLUE)
        page.bgcolor = theme.BACKGROUND
        page.padding = 0
        page.spacing = 0
        page.on_resize = lambda _event: self._go(self._build)
        self._go(self._room)

    @property
    def connected(self) -> bool:
        return self._page.session.connection is not None

    def refresh(self) -> None:
        """Send what changed. Called after every step of the feed."""
        if not self.connected or self._shown is None:
            return
        self._leave_when_alone()
        self._shown.refresh(self._state)

    def _go(self, build: Callable[[], ScreenPage]) -> None:
        """Show a page, built for the size the client has now."""
        self._build = build
        self._shown = build()
        self._shown.refresh(self._state)
        self._page.controls = [self._shown.control]
        self._page.update()

    def _room(self) -> ScreenPage:
        open_staff = self._staff if self._guard.enabled else None
        keep = self._keep if self._cloud_url else None
        return RoomPage(self._layout(), self._state.texts, self._vote, open_staff, keep)

    def _pin(self) -> ScreenPage:
        return PinPage(self._layout(), self._state.texts, self._guard, self._open_mixer, self._back, self._touch)

    def _mixer(self) -> ScreenPage:
        hands = Hands(self._feed, self._touch, self._check)
        return MixerPage(self._layout(), self._state.texts, hands, self._overlay(), self._back, self._open_songs)

    def _songs(self) -> ScreenPage:
        layout, texts = self._layout(), self._state.texts
        return SongsPage(layout, texts, self._overlay(), self._voice, self._open_mixer, self._touch)

    def _overlay(self) -> Overlay:
        return Overlay(self._layout(), self._state.texts, self._desk, self._voice)

    def _open_songs(self) -> None:
        self._touch()
        self._go(self._songs)

    def _open_mixer(self) -> None:
        self._touch()
        self._go(self._mixer)

    def _keep(self, view: RoomView) -> None:
        """Whoever tapped wants to take what is known of them along."""
        tap = self._state.facts.tap
        if view.voter is None or tap is None or tap.tap_id != view.tap_id:
            return
        name = drawable(tap.name)
        self._touch()

        page = KeepPage(self._layout(), self._state.texts, view, name, self._cloud_url, self._feed, self._back,
                        self._touch, self._later)  # fmt: skip
        self._go(lambda: page)

    def _layout(self) -> Layout:
        return Layout.of(self._page.width, self._page.height)

    def _staff(self) -> None:
        self._touch()
        self._go(self._pin)

    def _back(self) -> None:
        self._desk.song_id = None
        self._go(self._room)

    def _touch(self) -> None:
        self._touched_s = self._clock.boot_s()

    def _leave_when_alone(self) -> None:
        """Nobody touched a staff page for a while: back to the room, and behind the PIN."""
        alone_s = self._clock.boot_s() - self._touched_s
        if self._shown is not None and alone_s > self._shown.left_alone_s:
            self._back()

    def _vote(self, view: RoomView, value: int) -> None:
        """A face was pressed: the vote belongs to the tap it answers, once."""
        if view.voter is None or not self._state.begin_vote(view.tap_id):
            return
        scene, voter = self._state.facts.sound.scene, view.voter
        stored = self._feed.do(lambda store: _store_vote(store, voter, value, scene))
        stored.add_done_callback(lambda answer: self._later(lambda: self._voted(view.tap_id, value, answer)))

    def _voted(self, tap_id: str, value: int, answer: Future[str]) -> None:
        error = answer.exception()
        if error is None:
            self._state.vote_stored(tap_id, answer.result(), value)
        else:
            texts = self._state.texts
            self._state.vote_refused(tap_id, texts.tap_first if isinstance(error, InputError) else texts.not_stored)
            log.warning("a vote was not stored: %s", error)
        self.refresh()

    def _check(self, answer: Future[Any]) -> None:
        """A press on the mixer was stored, or is said not to be. Called in the store's thread."""
        if answer.exception() is not None:
            self._later(lambda: self._say_failed(answer.exception()))

    def _say_failed(self, error: BaseException | None) -> None:
        if isinstance(self._shown, MixerPage) and self.connected:
            self._shown.say(str(error) if isinstance(error, CosoundError) else self._state.texts.not_stored)


def _store_vote(store: Store, voter: str, value: int, scene: tuple[tuple[str, float], ...]) -> str:
    """Store it if that person is still the last one who tapped in here; returns their name."""
    listener = store.people.voter_at_screen()
    if listener is None or listener.id != voter:
        raise InputError("somebody else tapped in meanwhile, or it is too long ago: tap first")
    vote_on_mix(store, listener.id, value, scene, source="screen")
    return listener.display_name
