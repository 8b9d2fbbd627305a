"""Boxes as the server sees them: connections that stay open and ask again and again, or wait."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class Load:
    """What so many requests cost the server process, and how many it answered a second."""

    cpu_us: float
    per_s: float


def poll_many(port: int, pid: int, asks: Sequence[bytes], count: int) -> Load:
    """Ask `count` times over a few connections that stay open, one request at a time on each."""
    asyncio.run(_poll(port, asks, count // 10))  # warm
    spent_s, began_s = cpu_s(pid), time.perf_counter()
    asked = asyncio.run(_poll(port, asks, count))
    took_s = time.perf_counter() - began_s
    return Load((cpu_s(pid) - spent_s) / asked * 1e6, asked / took_s)


def hold_open(port: int, asks: Sequence[bytes], count: int, look: Callable[[], float]) -> tuple[int, float]:
    """Let `count` connections wait (fewer where files are short), and look; (how many, what was seen)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, count + 200)), hard))
    count = min(count, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200)
    return count, asyncio.run(_hold(port, asks, count, look))


async def _poll(port: int, asks: Sequence[bytes], count: int) -> int:
    each = count // CONNECTIONS
    await asyncio.gather(*(_one_box(port, asks, number, each) for number in range(CONNECTIONS)))
    return each * CONNECTIONS


async def _one_box(port: int, asks: Sequence[bytes], number: int, times: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for turn in range(times):
        writer.write(asks[(number + turn * CONNECTIONS) % len(asks)])
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith((b"HTTP/1.1 304", b"HTTP/1.1 204")), head
    writer.close()


async def _hold(port: int, asks: Sequence[bytes], count: int, look: Callable[[], float]) -> float:
    held = []
    for number in range(count):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(asks[number % len(asks)])
        held.append(writer)
    await asyncio.sleep(1)
    seen = look()
    for writer in held:
        writer.close()
    return seen


def cpu_s(pid: int) -> float:
    """User and system time of the process so far, all its threads."""
    return time.clock_gettime((~pid << 3) | 2)  # its CPU clock, as clock_getcpuclockid(3) makes one of a pid
