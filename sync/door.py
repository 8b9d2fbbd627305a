"""The cloud as the box needs it, whichever way it gets there: our own server, or Supabase alone."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

import httpx

from appliance.config import Config
from sync import wire
from sync.http import Ears, open_http


@dataclass(frozen=True, slots=True)
class QueueAnswer:
    """A new queue, and the ETag by which to ask whether it still holds ("" if the cloud gave none)."""

    reply: wire.QueueReply
    etag: str


class Door(Protocol):
    """Typed calls. Every one raises LinkDown, NotTheCloud, NotAuthorised or BadRequest, and nothing else."""

    def push(self, request: wire.PushRequest) -> wire.PushReply:
        """Hand over facts; a verdict on each."""

    def pull(
        self,
        epoch: str,
        since: int,
        *,
        cursor: str | None = None,
        heard: int = 0,
        wait_s: float = 0.0,
        digest: str = "",
        limit: int = wire.PULL_MAX_ROWS,
    ) -> wire.PullReply | None:
        """The page of changes after `since`, or None: nothing new, and `digest` is the cloud's too.

        heard: the highest `seen` that we were told.
        """

    def queue(self, etag: str = "", wait_s: float = 0.0) -> QueueAnswer | None:
        """What is best next, or None: what `etag` names still holds."""

    def heartbeat(self, beat: wire.Heartbeat) -> wire.HeartbeatReply:
        """Say how the room is."""

    def bare_beat(self, beat: wire.BareBeat) -> bool:
        """False when the cloud does not keep what the beat refers to."""

    def open_media(
        self, sha256: str, headers: Mapping[str, str], file_url: str = ""
    ) -> AbstractContextManager[httpx.Response]:
        """The bytes of a file, unread: status 200, 206 or 416. `headers` carry Range and If-Range.

        file_url: what the song's row says. Raises MediaError when this file cannot be had.
        """

    def close(self) -> None:
        """No call works after this."""


def open_door(config: Config, ears: Ears | None = None) -> Door:
    """The door that the configuration names: `cloud.url` where it is set, else Supabase's."""
    if config.cloud_url:
        from sync.client import Cloud

        return Cloud(open_http(config.cloud_url), config.cloud_token, ears)
    from sync.supabase import Supabase

    return Supabase(open_http(config.cloud_supabase_url), config.cloud_supabase_key, config.cloud_token, ears)


def why_no_door(config: Config) -> str:
    """What is missing, with what follows from it; "" when there is a door."""
    if not config.cloud_url and not config.cloud_supabase_url:
        return "no cloud.url is set: the box plays by itself"
    if not config.cloud_token:
        return "cloud.url is set but cloud.token is not: the box plays by itself until it has one"
    if not config.cloud_url and not config.cloud_supabase_key:
        return "cloud.supabase_url is set but cloud.supabase_key is not: the box plays by itself until it has one"
    return ""


def door_words(config: Config) -> str:
    """Where the cloud is, for a person."""
    return config.cloud_url or f"{config.cloud_supabase_url} (Supabase alone)"


def cloud_name(config: Config) -> str:
    """Tells one cloud, and one room in it, from another; says nothing of the token."""
    url = config.cloud_url or config.cloud_supabase_url
    return sha256(f"{url} {config.cloud_token}".encode()).hexdigest()[:16]
