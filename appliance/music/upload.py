"""The door to the cloud: uploaded as staff would on its pages, and so given to its rooms."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from appliance.errors import InputError, SetupError, TransientError
from appliance.music.door import Kept, Piece

_NAMED = re.compile(r"^file '[^']*':? ")
TIMEOUT = httpx.Timeout(10.0, read=1800.0, write=120.0)  # the cloud listens to a long file before it answers


@dataclass(slots=True)
class Upload:
    """The admin's hand on the cloud. Made by `log_in`."""

    base_url: str
    http: httpx.Client
    _known: dict[str, Kept] = field(default_factory=dict)

    @classmethod
    def log_in(cls, base_url: str, email: str, password: str, http: httpx.Client | None = None) -> Upload:
        """Raises SetupError for a login the cloud does not take as staff's, TransientError when it does not answer."""
        door = cls(base_url.rstrip("/"), http or httpx.Client(timeout=TIMEOUT))
        reply = door.ask(
            "POST", "/auth/v1/token", params={"grant_type": "password"}, json={"email": email, "password": password}
        )
        if reply.status_code in (400, 401, 403, 422):
            raise SetupError(f"the cloud at {base_url} does not know {email} with this password; look at both")
        door.http.headers["Authorization"] = f"Bearer {_json(reply).get('access_token', '')}"
        songs = door.ask("GET", "/api/admin/songs")
        if songs.status_code in (401, 403):
            raise SetupError(f"{email} is not staff in the cloud at {base_url}; log in as an admin or a manager")
        door._remember(_json(songs))
        return door

    @property
    def where(self) -> str:
        return f"to the cloud at {self.base_url}"

    def known(self, digest: str) -> Kept | None:
        return self._known.get(digest)

    def cache_file(self, digest: str) -> Path | None:
        """None: each box makes its own when the song comes to it."""
        return None

    def keep(self, piece: Piece) -> Kept:
        data = {"title": piece.title, "type": piece.kind} | ({"artist": piece.artist} if piece.artist else {})
        with piece.path.open("rb") as body:
            file = (f"upload{piece.study.ending}", body, "application/octet-stream")
            reply = self.ask("POST", "/api/admin/songs", data=data, files={"file": file})
        if reply.status_code == 409:
            return Kept("", piece.title, piece.kind, new=False)
        if reply.status_code in (413, 422):
            raise InputError(_NAMED.sub("", _message(reply)))
        if reply.status_code in (401, 403):
            raise SetupError(f"the cloud at {self.base_url} has ended this login: {_message(reply)}")
        song = _json(reply)
        return Kept(song["id"], song["title"], song["type"])

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Raises TransientError when the cloud does not answer, or answers that it cannot."""
        try:
            reply = self.http.request(method, self.base_url + path, **options)
        except httpx.HTTPError as error:
            raise TransientError(f"the cloud at {self.base_url} does not answer ({error}); try again later") from error
        if reply.status_code >= 500 or reply.status_code in (404, 429):
            raise TransientError(f"the cloud at {self.base_url} answers {reply.status_code}; try again later")
        return reply

    def _remember(self, rows: Any) -> None:
        for row in rows:
            self._known[row["sha256"]] = Kept(row["id"], row["title"], row["type"], new=False)


def _json(reply: httpx.Response) -> Any:
    try:
        return reply.json()
    except ValueError as error:
        raise TransientError(
            f"what answers at {reply.request.url.host} is not the cloud; look at cloud.url and the network"
        ) from error


def _message(reply: httpx.Response) -> str:
    said = _json(reply)
    text = said.get("message", reply.status_code) if isinstance(said, dict) else reply.status_code
    return " ".join(str(text).split())[:200]
