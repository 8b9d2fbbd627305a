"""Files in a bucket: kept by us, fetched by the boxes themselves with links that we sign and that end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from threading import Lock
from typing import Any

import boto3
import httpx
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cloud_stub.errors import SetupError, StorageError
from cloud_stub.storage.bucket import Bucket
from cloud_stub.storage.names import checked, media_type
from cloud_stub.storage.s3_cures import code_of, cure_for

CONNECT_S, READ_S, TRIES = 5, 30, 3
BELIEVED_S = 10.0
KEEP_FOR_EVER = "private, max-age=31536000, immutable"  # content never changes under a name
_MISSING = frozenset(("404", "NoSuchKey", "NotFound"))
# Newer boto3 adds checksums that stores other than Amazon's refuse.
_AS_NEEDED: Any = "when_required"


class S3Storage:
    """Names are keys below the bucket's folder. Links are made once for each step and name."""

    def __init__(self, bucket: Bucket, half_life_s: float) -> None:
        self._bucket = bucket
        self._life_s = int(2 * half_life_s)
        self._client = _client(bucket)
        self._links: dict[str, str] = {}
        self._step = -1
        self._checking = Lock()
        self._checked_s = -BELIEVED_S
        self._wrong: str | None = None

    @property
    def label(self) -> str:
        return self._bucket.label

    def put(self, name: str, source: Path) -> None:
        key = self._key(name)
        with self._said():
            if self._size(key) != source.stat().st_size:
                told = {"ContentType": media_type(name), "CacheControl": KEEP_FOR_EVER}
                # In parts from 8 MB on, each as large as it is in memory.
                self._client.upload_file(
                    str(source), self._bucket.name, key, ExtraArgs=told, Config=TransferConfig(max_concurrency=4)
                )

    def url(self, name: str) -> str:
        bucket, key = self._bucket, self._key(name)
        if bucket.endpoint:
            return f"{bucket.endpoint}/{bucket.name}/{key}"
        return f"https://{bucket.name}.s3.{bucket.region}.amazonaws.com/{key}"

    def link(self, name: str, step: int) -> str:
        if step != self._step:
            self._step, self._links = step, {}
        link = self._links.get(name)
        if link is None:
            link = self._links[name] = self._signed(self._key(name))
        return link

    def check(self) -> None:
        """Asks at most every few seconds, however often others ask us."""
        with self._checking:
            if time.monotonic() - self._checked_s >= BELIEVED_S:
                self._wrong = self._look()
                self._checked_s = time.monotonic()
            if self._wrong is not None:
                raise StorageError(self._wrong)

    def prove(self) -> None:
        key, content = f"{self._bucket.folder}/.proof-{token_hex(4)}", b"proof"
        with self._said():
            self._client.put_object(Bucket=self._bucket.name, Key=key, Body=content)
            try:
                self._fetch(self._signed(key), content)
            finally:
                self._client.delete_object(Bucket=self._bucket.name, Key=key)

    def _look(self) -> str | None:
        """What is wrong with the bucket, if anything."""
        try:
            with self._said():
                self._client.list_objects_v2(Bucket=self._bucket.name, Prefix=f"{self._bucket.folder}/", MaxKeys=1)
        except StorageError as error:
            return str(error)
        return None

    def _fetch(self, link: str, content: bytes) -> None:
        try:
            answer = httpx.get(link, timeout=READ_S)
        except httpx.HTTPError as error:
            raise StorageError(
                f"{self.label}: a link to it cannot be followed ({error}): check the endpoint"
            ) from error
        if answer.status_code != 200 or answer.content != content:
            raise StorageError(
                f"{self.label}: a signed link is answered with {answer.status_code}: allow s3:GetObject to the key, "
                "and look whether this machine's clock is right"
            )

    def _signed(self, key: str) -> str:
        wanted = {"Bucket": self._bucket.name, "Key": key}
        link: str = self._client.generate_presigned_url("get_object", Params=wanted, ExpiresIn=self._life_s)
        return link

    def _size(self, key: str) -> int | None:
        """In bytes; None when it is not there."""
        try:
            return int(self._client.head_object(Bucket=self._bucket.name, Key=key)["ContentLength"])
        except ClientError as error:
            if code_of(error) in _MISSING:
                return None
            raise

    def _key(self, name: str) -> str:
        return f"{self._bucket.folder}/{checked(name)}"

    @contextmanager
    def _said(self) -> Iterator[None]:
        """What the store says, with what to do."""
        try:
            yield
        except (BotoCoreError, ClientError, Boto3Error) as error:
            raise StorageError(cure_for(self._bucket, error)) from error


def _client(bucket: Bucket) -> Any:
    try:
        return boto3.client(
            "s3",
            endpoint_url=bucket.endpoint,
            region_name=bucket.region,
            aws_access_key_id=bucket.key_id,
            aws_secret_access_key=bucket.secret,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path" if bucket.endpoint else "virtual"},
                retries={"mode": "standard", "total_max_attempts": TRIES},
                connect_timeout=CONNECT_S,
                read_timeout=READ_S,
                request_checksum_calculation=_AS_NEEDED,
                response_checksum_validation=_AS_NEEDED,
            ),
        )
    except (BotoCoreError, ValueError) as error:
        raise SetupError(f"{bucket.label} cannot be used: {error}; check the AWS_* names") from error
