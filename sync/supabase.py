"""Supabase alone as the box speaks to it: two functions of the database, and files where their songs say.

Nothing is held back there, so whoever uses this asks again every `rpc.POLL_S`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import httpx
from pydantic import BaseModel

from sync import rpc, wire
from sync.answers import MALFORMED, Answer, judge_transport, read_answer, retry_after
from sync.door import QueueAnswer
from sync.errors import BadRequest, LinkDown, NotAuthorised, NotTheCloud
from sync.http import Ears, Exchanges, check_address, check_store

WHO = {"User-Agent": "cosound"}  # what stands before a project may turn away who does not say
PUSH_OPS = 50  # a request has 3 s there, and a database may be slow
_MIGRATE = "run `cosound cloud migrate` on that database"

Reply = TypeVar("Reply", bound=BaseModel)


class Supabase:
    """The door to a project's database."""

    def __init__(self, http: httpx.Client, key: str, token: str, ears: Ears | None = None) -> None:
        """key: the project's publishable key, or its older anon key (a JWT, which has to be shown as a bearer too).
        token: this player's; it goes in a header, never in an address."""
        self._exchanges = Exchanges(http, judge, ears)
        self._headers = {
            "apikey": key,
            **({"Authorization": f"Bearer {key}"} if key.count(".") == 2 else {}),
            wire.API_KEY_HEADER: token,
            "Content-Type": "application/json",
            "Accept-Encoding": "gzip",
            **WHO,
        }

    def push(self, request: wire.PushRequest) -> wire.PushReply:
        """In several requests where one would take too long; an op that goes twice has its first verdict again."""
        verdicts: tuple[wire.Verdict, ...] = ()
        parts = [request.ops[start : start + PUSH_OPS] for start in range(0, len(request.ops), PUSH_OPS)]
        for ops in parts or [()]:
            reply = self._push(request.model_copy(update={"ops": ops}))
            if reply.restored:
                return reply
            verdicts += reply.results
        return reply.model_copy(update={"results": verdicts})

    def news(self, query: rpc.PullQuery | None, etag: str | None) -> rpc.RpcPullReply:
        """What is new in the bucket and of the queue, by one request; None does not ask."""
        return self._call("sync_pull", rpc.RpcPull(pull=query, queue=etag), rpc.RpcPullReply)

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
        query = rpc.PullQuery(epoch=epoch, since=since, heard=heard, limit=limit, cursor=cursor, digest=digest or None)
        return self.news(query, None).pull

    def queue(self, etag: str = "", wait_s: float = 0.0) -> QueueAnswer | None:
        return queue_in(self.news(None, etag))

    def heartbeat(self, beat: wire.Heartbeat) -> wire.HeartbeatReply:
        reply = self._call("sync_push", rpc.RpcPush(beat=beat), rpc.RpcPushReply).beat
        if reply is None:
            raise NotTheCloud(f"the database took a heartbeat and does not answer it: {_MIGRATE}", answered=True)
        return reply

    def bare_beat(self, beat: wire.BareBeat) -> bool:
        return self._call("sync_push", rpc.RpcPush(bare_beat=beat), rpc.RpcPushReply).beat is not None

    @contextmanager
    def open_media(self, sha256: str, headers: Mapping[str, str], file_url: str = "") -> Iterator[httpx.Response]:
        """From where the song's row says, which may be a path of the project; neither key nor token goes there."""
        url = self._exchanges.address(file_url)
        check_address(url, sha256)
        with self._exchanges.stream(url, {**headers, **WHO, "Accept-Encoding": "identity"}) as response:
            check_store(response, sha256)
            yield response

    def close(self) -> None:
        self._exchanges.close()

    def _push(self, request: wire.PushRequest) -> wire.PushReply:
        reply = self._call("sync_push", rpc.RpcPush(push=request), rpc.RpcPushReply).push
        if reply is None:
            raise NotTheCloud(f"the database took facts and does not answer them: {_MIGRATE}", answered=True)
        return reply

    def _call(self, function: str, arguments: BaseModel, model: type[Reply]) -> Reply:
        content = arguments.model_dump_json(exclude_defaults=True).encode()
        answer = self._exchanges.ask("POST", f"/rest/v1/rpc/{function}", content=content, headers=self._headers)
        return read_answer(answer, model)


def queue_in(reply: rpc.RpcPullReply) -> QueueAnswer | None:
    return None if reply.queue is None else QueueAnswer(reply.queue, reply.queue_etag)


def judge(answer: Answer) -> None:
    """Return if the database answered what was asked; otherwise raise what to do about it, in one line."""
    judge_transport(answer)
    status, said = answer.status, _Said.of(answer)
    if status < 300:
        return
    if said.code == "PGRST202" or status == 404:
        raise NotTheCloud(f"Supabase has no such function ({said}): {_MIGRATE}", answered=True)
    if said.code == "PT401":
        raise NotAuthorised("the database refuses this player's token (401): set a valid cloud.token")
    if said.code == "42501":
        raise NotAuthorised(f"the database does not let boxes in ({said}): {_MIGRATE}")
    if status in (401, 403):
        raise NotAuthorised(f"Supabase refuses the project's key ({status}, {said}): set a valid cloud.supabase_key")
    if status >= 500:
        wait_s = retry_after(answer.headers)
        raise LinkDown(f"Supabase answers {status} ({said}): later", retry_after_s=wait_s, answered=True)
    if status in MALFORMED:
        raise BadRequest(f"Supabase answers {status}: {said}", MALFORMED[status])
    raise NotTheCloud(f"Supabase answers {status} ({said}): is cloud.supabase_url right?", answered=True)


class _Said:
    """What PostgREST, or the gateway before it, says of an error."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        self.code, self.message, self.hint = code, message, hint

    @classmethod
    def of(cls, answer: Answer) -> _Said:
        try:
            body = json.loads(answer.body)
        except ValueError:
            body = None
        fields = body if isinstance(body, dict) else {}
        return cls(*(" ".join(str(fields.get(name) or "").split())[:120] for name in ("code", "message", "hint")))

    def __str__(self) -> str:
        parts = (f"{self.code} {self.message}".strip(), self.hint)
        return "; ".join(part for part in parts if part) or "no reason given"
