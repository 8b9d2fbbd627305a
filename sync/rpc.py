"""The second door, Supabase alone: the wire's models as arguments and answers of two functions of the database.

    POST /rest/v1/rpc/sync_push  RpcPush → RpcPushReply        facts and heartbeats
    POST /rest/v1/rpc/sync_pull  RpcPull → RpcPullReply        the bucket and the queue, asked every `POLL_S`

Files come from where the songs' `file_url` says. The project's public key goes in `apikey`, the player's token in
`X-API-Key`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sync import wire
from sync.facts import Inbound, Outbound

POLL_S = 5.0  # where nothing can be held back until there is news


class PullQuery(Outbound):
    """Where the box stands. `digest` of what it holds: when nothing is new and both sides are equal, no page comes."""

    epoch: str
    since: Annotated[int, Field(ge=0)]
    heard: Annotated[int, Field(ge=0)] = 0
    limit: Annotated[int, Field(ge=1, le=wire.PULL_MAX_ROWS)] = wire.PULL_MAX_ROWS
    cursor: str | None = None
    digest: str | None = None


class RpcPull(Outbound):
    """`queue` is the ETag of the queue that the box holds, "" for none; None does not ask for it."""

    pull: PullQuery | None = None
    queue: str | None = None


class RpcPullReply(Inbound):
    """None where nothing is new."""

    pull: wire.PullReply | None = None
    queue: wire.QueueReply | None = None
    queue_etag: str = ""


class RpcPush(Outbound):
    push: wire.PushRequest | None = None
    beat: wire.Heartbeat | None = None
    bare_beat: wire.BareBeat | None = None


class RpcPushReply(Inbound):
    """`beat` answers either kind; None to a bare one says that what it refers to is not kept."""

    push: wire.PushReply | None = None
    beat: wire.HeartbeatReply | None = None
