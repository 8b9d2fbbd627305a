"""Which names the server answers to, and which pages may ask it from a browser."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from anyio.from_thread import start_blocking_portal
from cloud_world import Client, Time, settings_in

from cloud_stub.app import create_app
from cloud_stub.settings import CloudSettings


def test_only_names_and_pages_that_were_given_are_answered(folder: Path) -> None:
    env = {"ALLOWED_HOSTS": "cloud.test", "CORS_ALLOWED_ORIGINS": "https://venue.example"}
    given = CloudSettings.for_directory(folder, env)
    settings = replace(settings_in(folder), allowed_hosts=given.allowed_hosts, cors_origins=given.cors_origins)
    app = create_app(settings, now=Time())
    with start_blocking_portal() as portal, Client(app, portal) as client:
        assert client.get("/health").status_code == 200
        assert client.get("/health", headers={"Host": "elsewhere.test"}).status_code == 400
        assert client.get("/api/player/queue", headers={"Host": "elsewhere.test"}).status_code == 400
        for origin, allowed in (("https://venue.example", "https://venue.example"), ("https://evil.example", None)):
            answer = client.get("/health", headers={"Origin": origin})
            assert answer.headers.get("access-control-allow-origin") == allowed
