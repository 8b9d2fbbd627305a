"""The cloud as its users see it: plain HTTP, nothing shared with the code that serves it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from appliance.errors import TransientError


@dataclass(slots=True)
class CloudView:
    """An admin's eyes and a phone's hands. Every call raises TransientError when the cloud is not there."""

    base_url: str
    admin_email: str = ""
    admin_password: str = ""
    _admin_token: str = ""

    def healthy(self) -> bool:
        try:
            return bool(self._request("GET", "/health").is_success)
        except TransientError:
            return False

    def login(self, email: str, password: str) -> str:
        """A listener's (or the admin's) access token."""
        reply = self._request(
            "POST", "/auth/v1/token", params={"grant_type": "password"}, json={"email": email, "password": password}
        )
        return str(_json(reply)["access_token"])

    def me(self, token: str) -> dict[str, Any]:
        return dict(_json(self._request("GET", "/api/me", token=token)))

    def vote(self, token: str, song_id: str, value: int) -> httpx.Response:
        return self._request("POST", "/api/votes", token=token, json={"song_id": song_id, "vote_value": value})

    def upload(self, file: Path, *, title: str, kind: str) -> dict[str, Any]:
        """Upload as the admin; returns the song as the cloud stored it."""
        with file.open("rb") as body:
            reply = self._request(
                "POST",
                "/api/admin/songs",
                token=self.admin(),
                data={"title": title, "artist": "Cosound", "type": kind},
                files={"file": (file.name, body, "audio/wav")},
                timeout=60.0,
            )
        return dict(_json(reply))

    def admin_get(self, path: str) -> Any:
        return _json(self._request("GET", f"/api/admin/{path}", token=self.admin()))

    def op_ids(self, player_id: str) -> set[str]:
        """Every op of that player the cloud has answered, page by page."""
        ops: set[str] = set()
        after: object = 0
        while page := self.admin_get(f"players/{player_id}/ops?after={after}"):
            ops |= {op["op_id"] for op in page}
            after = page[-1]["n"]
        return ops

    def player_queue(self, player_token: str) -> dict[str, Any]:
        reply = self._request("GET", "/api/player/queue", headers={"X-API-Key": player_token})
        return dict(_json(reply))

    def admin(self) -> str:
        if not self._admin_token:
            self._admin_token = self.login(self.admin_email, self.admin_password)
        return self._admin_token

    def _request(self, method: str, path: str, *, token: str | None = None, **options: Any) -> httpx.Response:
        headers = dict(options.pop("headers", {}))
        if token:
            headers["Authorization"] = f"Bearer {token}"
        options.setdefault("timeout", 5.0)
        try:
            return httpx.request(method, self.base_url + path, headers=headers, **options)
        except httpx.HTTPError as error:
            raise TransientError(f"the cloud at {self.base_url} does not answer: {error}") from error


def _json(reply: httpx.Response) -> Any:
    if not reply.is_success:
        raise TransientError(f"{reply.request.method} {reply.request.url.path}: {reply.status_code} {reply.text[:200]}")
    return reply.json()
