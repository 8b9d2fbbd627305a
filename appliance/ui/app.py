"""The touchscreen's process: a Flet web app in a server of our own, on this machine only."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import FrameType

import flet as ft
import flet_web.fastapi as flet_server
import uvicorn
from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware

from appliance.clock import Clock, SystemClock
from appliance.config import Config
from appliance.errors import SetupError
from appliance.process import Stop, name_process, only_one
from appliance.runtime import Runtime
from appliance.ui.facts import Facts
from appliance.ui.feed import Feed
from appliance.ui.front import Front, way_back
from appliance.ui.guard import PinGuard
from appliance.ui.hangup import HangUp
from appliance.ui.languages import texts_for
from appliance.ui.session import Session
from appliance.ui.state import ScreenState

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
SESSION_KEPT_S = 30  # a client that lost its line for less than this finds its page again
CLOSE_WITHIN_S = 2
PIN_FILE = "ui-pin.json"


class Screens:
    """All clients of this box, and the one feed under them."""

    def __init__(self, config: Config, clock: Clock, stop: Stop) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sessions: list[Session] = []
        self._state = ScreenState(clock, texts_for(config.box_language))
        self._guard = PinGuard(config.ui_pin, config.box_data_dir / PIN_FILE, clock)
        self._cloud_url = config.cloud_url
        self.stop = stop
        self.feed = Feed(config, clock, self._take)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Show the clients what the feed reads, while the server runs."""
        self._loop = asyncio.get_running_loop()
        await flet_server.app_manager.start()
        try:
            yield
        finally:
            self.stop.request()
            await asyncio.to_thread(self.feed.join, CLOSE_WITHIN_S)
            await flet_server.app_manager.shutdown()

    def client(self, page: ft.Page) -> None:
        """A browser opened the screen."""
        session = Session(page, self._state, self.feed, self._guard, self._later, self._cloud_url)
        page.on_close = lambda _event: self._forget(session)
        session.open()
        self._sessions.append(session)

    def _forget(self, session: Session) -> None:
        if session in self._sessions:
            self._sessions.remove(session)

    def _take(self, facts: Facts) -> None:
        """From the feed's thread: hand the facts over to the loop."""
        self._later(lambda: self._show(facts))

    def _later(self, call: Callable[[], None]) -> None:
        if self._loop and not self.stop.requested:
            self._loop.call_soon_threadsafe(call)

    def _show(self, facts: Facts) -> None:
        self._state.facts = facts
        for session in list(self._sessions):
            try:
                session.refresh()
            except Exception:
                log.exception("one client could not be redrawn; it is dropped until it opens the screen again")
                self._forget(session)


def create_app(config: Config, clock: Clock | None = None, stop: Stop | None = None) -> FastAPI:
    """The whole screen as an ASGI app, its store already open: raises SetupError when it cannot be.

    stop: ends the feed; requested by the app itself when it shuts down.
    """
    # We send what changed ourselves; Flet would compare the whole page after each event.
    ft.context.disable_auto_update()  # type: ignore[no-untyped-call]
    screens = Screens(config, clock or SystemClock(), stop or Stop())
    screens.feed.start(screens.stop)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with screens.running():
            yield

    app = FastAPI(lifespan=lifespan, openapi_url=None)
    # A page elsewhere whose name is pointed at this machine must not reach the faders.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])
    flet_app = flet_server.app(screens.client, no_cdn=True, session_timeout_seconds=SESSION_KEPT_S)
    head = way_back(texts_for(config.box_language).screen_starting, config.box_language)
    app.mount("/", Front(HangUp(flet_app), head))
    return app


class Server(uvicorn.Server):
    """Stops feeding its clients before it closes their lines, and ends when the feed has ended."""

    def __init__(self, config: uvicorn.Config, stop: Stop) -> None:
        super().__init__(config)
        self._stop = stop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._stop.request(sig, frame)
        super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        self.should_exit = self.should_exit or self._stop.requested
        return await super().on_tick(counter)


def server_for(app: FastAPI, stop: Stop) -> Server:
    settings = uvicorn.Config(
        app, log_level="warning", ws="websockets-sansio", timeout_graceful_shutdown=CLOSE_WITHIN_S, lifespan="on"
    )
    return Server(settings, stop)


def listen(port: int) -> socket.socket:
    """A listening socket on this machine; port 0 is any free one. Raises SetupError if the port is taken."""
    line = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        line.bind((HOST, port))
        line.listen(64)
    except OSError as error:
        line.close()
        raise SetupError(
            f"the screen cannot listen on {HOST}:{port} ({error.strerror}): "
            "stop what uses that port, or choose another ui.port (0 = any free one)"
        ) from error
    return line


def url_of(line: socket.socket) -> str:
    return f"http://{HOST}:{line.getsockname()[1]}/"


def serve(config: Config) -> None:
    """Run the touchscreen until SIGTERM or SIGINT. Raises SetupError for what a person must change."""
    name_process("ui")
    with only_one("ui", config.box_data_dir), listen(config.ui_port) as line:
        stop = Stop().on_signals()
        server = server_for(create_app(config, stop=stop), stop)
        url = url_of(line)
        Runtime(config.box_runtime_dir).publish("ui", {"url": url, "pid": os.getpid()})
        print(f"screen: {url}", flush=True)  # noqa: T201 - the line a person opens
        server.run(sockets=[line])
