"""Running the server: one process, one address, and an end that nobody has to wait for."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from cloud_stub.app import create_app
from cloud_stub.errors import SetupError
from cloud_stub.fastpath import QueueFastPath
from cloud_stub.services import Services
from cloud_stub.settings import CloudSettings

log = logging.getLogger(__name__)

KEEP_ALIVE_S = 75  # longer than the boxes' poll, so that a poll finds its connection open
GRACE_S = 1
STUCK_S = 30  # a reader whose end takes nothing for so long, or is gone without a word, is cut off by the kernel


class Server(uvicorn.Server):
    """Lets held-back answers go as soon as it is told to stop: uvicorn waits for them first."""

    def __init__(self, config: uvicorn.Config, release: Callable[[], None]) -> None:
        super().__init__(config)
        self._release = release

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Being told to stop is a clean end, not a death by signal."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._release()


def bind(host: str, port: int) -> socket.socket:
    """A socket on that address (port 0: any free one). Raises SetupError when it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or asyncio leaves Nagle on
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STUCK_S * 1000)  # inherited by every connection
    try:
        sock.bind((host, port))
        sock.listen(2048)  # whoever reads our address may connect at once and wait
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            taken = f"port {port} on {host} is in use: give --port another number, or 0 for a free one"
            raise SetupError(taken) from error
        raise SetupError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return sock


def _front(app: FastAPI) -> ASGIApp:
    """Polls answered before anything else looks at them, unless names or pages have to be checked first."""
    services: Services = app.state.services
    is_checked = services.settings.allowed_hosts or services.settings.cors_origins
    return app if is_checked else QueueFastPath(app, services)


def run(settings: CloudSettings, announce: Callable[[str], None]) -> None:
    """Serve until told to stop; `announce` is given the address once we listen. Raises SetupError."""
    with only_one(settings.data_dir):
        _serve(settings, bind(settings.host, settings.port), announce)


@contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Hold the lock of the server on this directory; refuse a second one, naming who holds it."""
    with (data_dir / "serve.lock").open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.seek(0)
            holder = handle.read().strip() or "unknown"
            raise SetupError(f"a server already runs on {data_dir} as pid {holder}; stop that one first") from None
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield


def _serve(settings: CloudSettings, sock: socket.socket, announce: Callable[[str], None]) -> None:
    app = create_app(settings)
    services = app.state.services
    services.prepare()
    config = uvicorn.Config(
        _front(app),
        log_config=None,  # ours: see `logs`
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        server_header=False,
        forwarded_allow_ips=list(settings.proxies),
    )
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"http://{host}:{sock.getsockname()[1]}"
    where = settings.database
    announce(address)
    log.info("serving on %s", address, extra={"facts": {"database": getattr(where, "label", str(where))}})
    try:
        Server(config, services.waiters.close).run(sockets=[sock])
    finally:
        sock.close()
    log.info("stopped")
