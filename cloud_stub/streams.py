"""Server-sent events: answers that do not end, how many there may be, and readers that are let go."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from hashlib import sha256

from starlette.responses import StreamingResponse
from starlette.types import Message, Send

from cloud_stub.errors import Refused

log = logging.getLogger(__name__)

MAX_STREAMS = 5_000  # of one copy of the server: 20 KiB each
MAX_FROM_ONE_PLACE = 500  # a full hall shares one address
SEND_WITHIN_S = 10.0  # what a reader does not take by then it does not want
RETRY_S = 30


class Streams:
    """Counts what is open. A reader over the limit is told when to come back."""

    def __init__(self) -> None:
        self._from: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._from.total()

    def check(self, place: str) -> None:
        """Raises Refused: 429 for one place that has too many, 503 when there are too many in all."""
        if self._from[place] >= MAX_FROM_ONE_PLACE:
            raise Refused(429, "too_many_streams", "too many streams from one address: close some", RETRY_S)
        if len(self) >= MAX_STREAMS:
            raise Refused(503, "too_many_streams", "too many people follow rooms here just now", RETRY_S)

    @contextmanager
    def open(self, place: str) -> Iterator[None]:
        self._from[place] += 1
        try:
            yield
        finally:
            self._from[place] -= 1
            if not self._from[place]:
                del self._from[place]


class EventStream(StreamingResponse):
    """Text in the form of server-sent events. A reader that stands still is left: its connection is closed."""

    media_type = "text/event-stream"

    async def stream_response(self, send: Send) -> None:
        async def within_time(message: Message) -> None:
            async with asyncio.timeout(SEND_WITHIN_S):
                await send(message)

        try:
            await super().stream_response(within_time)
        except TimeoutError:
            log.info("somebody who follows a room takes nothing any more: let go")
        finally:
            if isinstance(self.body_iterator, AsyncGenerator):
                await self.body_iterator.aclose()  # else it stays open, and is counted, until it is collected


def event(name: str, data: str) -> tuple[str, str]:
    """(id, text) of one event. The id names what it says, so a reader who comes back with it is told only news."""
    known_by = sha256(f"{name}|{data}".encode()).hexdigest()[:16]
    return known_by, f"id: {known_by}\nevent: {name}\ndata: {data}\n\n"
