"""What the server is told: by the environment, by `cosound cloud`, or by a test."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from checkin.sun import SunKeys, parse_keys
from cloud_stub.engines.address import SCHEMES, Address, from_names, from_url
from cloud_stub.environment import listed
from cloud_stub.errors import SetupError
from cloud_stub.storage.bucket import Bucket, bucket_of
from cloud_stub.supabase import Project, project_of

DEFAULT_PORT = 8000
NEAR = ("127.0.0.1", "::1")
DEFAULT_REFRESH_S = 30.0


@dataclass(frozen=True, slots=True)
class CloudSettings:
    """secret_key signs logins and links. public_url: what boxes reach us by, when it is not what they asked for."""

    data_dir: Path
    database: Path | Address
    media_dir: Path  # where the files are when there is no bucket
    secret_key: str
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    refresh_s: float = DEFAULT_REFRESH_S
    public_url: str | None = None
    login_life_s: float = 12 * 3600.0
    anonymous_life_s: float = 30 * 86_400.0  # a phone that never gave a password has nothing else
    link_half_life_s: float = 3600.0
    upload_max_bytes: int = 512 * 1024 * 1024
    allowed_hosts: tuple[str, ...] = ()  # none: every name
    cors_origins: tuple[str, ...] = ()
    bucket: Bucket | None = None
    sun_keys: tuple[SunKeys, ...] = ()  # of cards that sign
    proxies: tuple[str, ...] = NEAR  # whose word counts for where a request came from
    project: Project | None = None  # of Supabase, whose logins count here

    @classmethod
    def for_directory(cls, data_dir: Path, environ: Mapping[str, str] | None = None) -> CloudSettings:
        """Settings for one data directory; makes it, and its secret, when they are not there.

        Raises SetupError for a value that cannot be used or a directory that cannot be written.
        """
        env = os.environ if environ is None else environ
        _make(data_dir)
        return cls(
            data_dir=data_dir,
            database=database_of(env, data_dir),
            media_dir=Path(env.get("COSOUND_MEDIA_DIR") or data_dir / "media"),
            secret_key=env.get("SECRET_KEY") or _kept_secret(data_dir / "secret"),
            port=_number(env, "PORT", DEFAULT_PORT, 0, 65_535),
            refresh_s=float(_number(env, "COSOUND_REFRESH_S", int(DEFAULT_REFRESH_S), 1, 3600)),
            public_url=(env.get("COSOUND_PUBLIC_URL") or "").rstrip("/") or None,
            allowed_hosts=listed(env.get("ALLOWED_HOSTS")),
            cors_origins=listed(env.get("CORS_ALLOWED_ORIGINS")),
            bucket=bucket_of(env),
            sun_keys=_sun_keys(env.get("COSOUND_SUN_KEYS")),
            proxies=listed(env.get("FORWARDED_ALLOW_IPS")) or NEAR,
            project=project_of(env.get("SUPABASE_URL"), env.get("SUPABASE_JWT_SECRET")),
        )


def _make(data_dir: Path) -> None:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        probe = data_dir / f".probe-{secrets.token_hex(4)}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise SetupError(
            f"cannot write to {data_dir}: {error.strerror}; give --data a directory you can write"
        ) from error


def database_of(env: Mapping[str, str], data_dir: Path) -> Path | Address:
    """What DATABASE_URL says, else the DB_* names, else a file of SQLite in the data directory."""
    url = env.get("DATABASE_URL")
    if not url:
        return from_names(env) or data_dir / "cloud.db"
    scheme = url.partition(":")[0] if ":" in url else ""
    if scheme in SCHEMES:
        return from_url(url)
    if scheme in ("", "sqlite"):
        return Path(url.removeprefix("sqlite:///"))
    raise SetupError(f"DATABASE_URL names {scheme}: use postgresql://USER:PASSWORD@HOST:PORT/NAME or sqlite:///PATH")


def _sun_keys(text: str | None) -> tuple[SunKeys, ...]:
    try:
        return parse_keys(text or "")
    except ValueError as error:
        raise SetupError(f"COSOUND_SUN_KEYS {error}") from None


def _number(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = env.get(name)
    if not text:
        return default
    if not text.isdecimal() or not low <= int(text) <= high:
        raise SetupError(f"{name} is {text!r}: give a whole number from {low} to {high}")
    return int(text)


def _kept_secret(path: Path) -> str:
    """The directory's own secret, made once and readable by its owner alone."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise SetupError(f"cannot read {path}: {error.strerror}; set SECRET_KEY instead") from error
    secret = secrets.token_urlsafe(48)
    try:
        fresh = path.with_suffix(f".{secrets.token_hex(4)}")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secret)
            file.flush()
            os.fsync(file.fileno())
        os.link(fresh, path)  # fails when another process was first: then theirs counts
    except FileExistsError:
        return path.read_text().strip()
    finally:
        fresh.unlink(missing_ok=True)
    return secret
