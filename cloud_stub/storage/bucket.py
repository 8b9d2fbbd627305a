"""Which bucket holds the files: what the AWS_* names of the surroundings say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from cloud_stub.errors import SetupError

DEFAULT_REGION, DEFAULT_FOLDER = "us-east-1", "sounds"
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True, slots=True, repr=False)
class Bucket:
    """One bucket and the folder in it that is ours. Never shown whole: it holds a secret.

    endpoint: None for Amazon's own. key_id, secret: None where the machine has a role of its own.
    """

    name: str
    region: str = DEFAULT_REGION
    key_id: str | None = None
    secret: str | None = None
    endpoint: str | None = None
    folder: str = DEFAULT_FOLDER

    @property
    def label(self) -> str:
        """For people and logs."""
        return f"s3://{self.name}/{self.folder}" + (f" at {self.endpoint}" if self.endpoint else "")

    def __repr__(self) -> str:
        return f"Bucket({self.label})"


def bucket_of(env: Mapping[str, str]) -> Bucket | None:
    """The bucket that AWS_STORAGE_BUCKET_NAME and its siblings give; None without it.

    Raises SetupError naming what is wrong, never the secret.
    """
    name = env.get("AWS_STORAGE_BUCKET_NAME")
    if not name:
        return None
    if not _NAME.fullmatch(name):
        raise SetupError(f"AWS_STORAGE_BUCKET_NAME is {name!r}: give the bucket's name alone, like soundguys-audio")
    key_id, secret = env.get("AWS_ACCESS_KEY_ID") or None, env.get("AWS_SECRET_ACCESS_KEY") or None
    if (key_id is None) != (secret is None):
        missing = "AWS_ACCESS_KEY_ID" if key_id is None else "AWS_SECRET_ACCESS_KEY"
        raise SetupError(f"{missing} is missing: a key has two parts, give both, or none where the machine has a role")
    return Bucket(
        name=name,
        region=env.get("AWS_S3_REGION_NAME") or DEFAULT_REGION,
        key_id=key_id,
        secret=secret,
        endpoint=_endpoint(env.get("AWS_S3_ENDPOINT_URL") or ""),
        folder=(env.get("AWS_LOCATION") or DEFAULT_FOLDER).strip("/"),
    )


def _endpoint(text: str) -> str | None:
    if not text:
        return None
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
        raise SetupError(
            "AWS_S3_ENDPOINT_URL cannot be used: give the store's address alone, like https://s3.example.org"
        )
    return text.rstrip("/")
