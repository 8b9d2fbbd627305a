"""A small cloud that works: op verdicts kept for ever, a bucket by revision, a queue with an ETag, files by sha."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4, uuid5

import httpx

from sync.client import Cloud
from sync.digest import digest_text, row_digest
from sync.facts import OP_BODIES

TOKEN = "csp_test"
NAMES = UUID("00000000-0000-4000-8000-000000000000")


def song_id(name: str) -> str:
    """A song's id in tests, from a name a reader remembers."""
    return str(uuid5(NAMES, name))


def song_row(name: str, content: bytes | None = None, **fields: Any) -> dict[str, Any]:
    content = name.encode() if content is None else content
    row = {
        "id": song_id(name), "title": name, "type": "soundscape", "sha256": sha256(content).hexdigest(),
        "byte_size": len(content), "file_url": f"https://files/{name}.flac", "duration": 1.0,
    }  # fmt: skip
    return row | fields


@dataclass
class FakeCloud:
    """State as a cloud keeps it. `page` is how many rows it gives at once; `now_s` its clock."""

    page: int = 500
    now_s: float = 1_900_000_000.0
    epoch: str = "e1"
    rev: int = 0
    pruned_rev: int = 0
    log: dict[tuple[str, str], tuple[int, dict[str, Any] | None]] = field(default_factory=dict)
    verdicts: dict[str, str] = field(default_factory=dict)
    facts: list[dict[str, Any]] = field(default_factory=list)
    queue: list[str] = field(default_factory=list)
    queue_etag: str = '"q-0"'
    files: dict[str, bytes] = field(default_factory=dict)
    beats: list[dict[str, Any]] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    wrong_digest: bool = False
    keeps: bool = True
    kept: str | None = None
    token: str = TOKEN
    max_ops: int = 10_000

    def cloud(self, before: Callable[[httpx.Request], httpx.Response | None] | None = None) -> Cloud:
        """A client of it. `before` may answer, or raise, in its place."""

        def handle(request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            return (before(request) if before else None) or self.answer(request)

        return Cloud(httpx.Client(transport=httpx.MockTransport(handle), base_url="http://cloud"), TOKEN)

    def put(self, tbl: str, pk: str, row: dict[str, Any] | None) -> None:
        """Write a row of the bucket; None removes it."""
        self.rev += 1
        self.log[tbl, pk] = (self.rev, row)

    def put_song(self, name: str, **fields: Any) -> dict[str, Any]:
        row = song_row(name, **fields)
        self.put("songs", row["id"], row)
        self.files[row["sha256"]] = name.encode()
        return row

    def backup(self) -> dict[str, Any]:
        return {name: copy(getattr(self, name)) for name in ("rev", "pruned_rev", "log", "verdicts", "facts")}

    def restore(self, backup: dict[str, Any]) -> None:
        """All is as it was then, and nobody says so."""
        for name, value in backup.items():
            setattr(self, name, copy(value))

    def set_queue(self, *names: str) -> None:
        self.queue = [song_id(name) for name in names]
        self.queue_etag = f'"q-{uuid4().hex[:6]}"'

    def rows(self) -> dict[tuple[str, str], dict[str, Any]]:
        return {key: row for key, (_, row) in self.log.items() if row is not None}

    def digest(self) -> str:
        total = sum(row_digest(tbl, pk, row) for (tbl, pk), row in self.rows().items())
        return digest_text(total + self.wrong_digest)

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("x-api-key") != self.token:
            return httpx.Response(401, json={"success": False, "error": "Invalid player token"})
        match request.url.path.rsplit("/", 1)[-1]:
            case "push":
                return self._push(json.loads(request.content))
            case "pull":
                return self._pull(request.url.params)
            case "queue":
                return self._queue(request)
            case "heartbeat":
                return self._beat(json.loads(request.content))
            case name:
                return self._file(name)

    def _beat(self, beat: dict[str, Any]) -> httpx.Response:
        """Keeps the last full beat under its number, if it keeps any."""
        self.beats.append(beat)
        if "as_before" in beat:
            return httpx.Response(204 if beat["as_before"] == self.kept else 409)
        self.kept = f"beat {len(self.beats)}" if self.keeps else None
        reply = {"server_time": self.now_s, "rev": self.rev, "queue_rev": 0, "kept": self.kept}
        return httpx.Response(200, json=reply)

    def _file(self, sha: str) -> httpx.Response:
        if sha not in self.files:
            return httpx.Response(404, json={"detail": "not found"})
        return httpx.Response(200, content=self.files[sha], headers={"ETag": f'"{sha[:8]}"'})

    def _push(self, body: dict[str, Any]) -> httpx.Response:
        if len(body["ops"]) > self.max_ops:
            return httpx.Response(413, json={"detail": "too many"})
        if body.get("heard", 0) > len(self.verdicts):
            return httpx.Response(200, json={"results": [], "server_time": self.now_s} | self._count(restored=True))
        results = [{"op_id": op["op_id"], "status": self._apply(op)} for op in body["ops"]]
        return httpx.Response(200, json={"results": results, "server_time": self.now_s} | self._count())

    def _count(self, restored: bool = False) -> dict[str, Any]:
        return {"seen": len(self.verdicts), "restored": restored}

    def _apply(self, op: dict[str, Any]) -> str:
        if op["op_id"] not in self.verdicts:
            self.verdicts[op["op_id"]] = self._judge(op)
        return self.verdicts[op["op_id"]]

    def _judge(self, op: dict[str, Any]) -> str:
        try:
            OP_BODIES[op["type"]].model_validate(op["body"])
        except (KeyError, ValueError):
            return "rejected:invalid"
        self.facts.append(op)
        if op["type"] == "enrol":
            body = op["body"]
            row = {"id": body["profile_id"], "display_name": body["display_name"], "preference_vector": [0.0] * 5}
            self.put("profiles", body["profile_id"], row)
        if op["type"] == "rule":
            self.put("queue_rules", f"{op['body']['song_id']}/{op['body']['kind']}", op["body"])
        return "applied"

    def _pull(self, params: httpx.QueryParams) -> httpx.Response:
        epoch, since = params["epoch"], int(params["since"])
        behind = int(params.get("heard", 0)) > len(self.verdicts)
        if behind or "cursor" in params or epoch != self.epoch or since > self.rev or since < self.pruned_rev:
            return self._bucket_page(params, behind)
        newer = sorted((rev, tbl, pk, row) for (tbl, pk), (rev, row) in self.log.items() if rev > since)
        page = newer[: self.page]
        more = len(newer) > len(page)
        changes = [
            {"rev": rev, "tbl": tbl, "pk": pk, "op": "del" if row is None else "put", "row": row}
            for rev, tbl, pk, row in page
        ]
        return self._page(False, changes, page[-1][0] if more else self.rev, more)

    def _bucket_page(self, params: httpx.QueryParams, restored: bool) -> httpx.Response:
        after = params.get("cursor", "")
        keys = [key for key in sorted(self.rows()) if ":".join(key) > after]
        page = keys[: self.page]
        changes = [{"tbl": tbl, "pk": pk, "op": "put", "row": self.rows()[tbl, pk]} for tbl, pk in page]
        return self._page(True, changes, self.rev, len(keys) > len(page), restored)

    def _page(
        self, reset: bool, changes: list[dict[str, Any]], following: int, more: bool, restored: bool = False
    ) -> httpx.Response:
        page = {"reset": reset, "epoch": self.epoch, "changes": changes, "next": following, "more": more,
                "server_time": self.now_s} | self._count(restored)  # fmt: skip
        return httpx.Response(200, json=page if more else page | {"digest": self.digest()})

    def _queue(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("if-none-match") == self.queue_etag:
            return httpx.Response(304, headers={"ETag": self.queue_etag})
        songs = [
            {"id": song, "title": "t", "file_url": "", "type": "soundscape", "position": place}
            for place, song in enumerate(self.queue, start=1)
        ]
        return httpx.Response(200, json={"success": True, "songs": songs}, headers={"ETag": self.queue_etag})
