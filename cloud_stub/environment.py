"""Every name the cloud reads from its surroundings, ours and those of the systems it takes over from.

A name is honoured, or it is refused in one line; none is silently ignored. The table here is also the page of the
documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from cloud_stub.errors import SetupError

FILES = (Path(".env"), Path("env") / ".env")
NOWHERE = ""


@dataclass(frozen=True, slots=True)
class Variable:
    """One name. `refused` says why a value of it cannot be used, and what to do instead."""

    name: str
    what: str
    default: str = ""
    secret: bool = False
    refused: str = ""


VARIABLES = (
    Variable("DATABASE_URL", "`postgresql://USER:PASSWORD@HOST:PORT/NAME` (options of other drivers like "
             "`?pgbouncer=true` are passed over), or `sqlite:///PATH`", "a file in the data directory", secret=True),
    Variable("DB_HOST", "host of the PostgreSQL, when DATABASE_URL is empty"),
    Variable("DB_PORT", "its port", "6543"),
    Variable("DB_NAME", "name of the database", "postgres"),
    Variable("DB_USER", "user; on Supabase's pooler `postgres.PROJECT_REF`", "postgres"),
    Variable("DB_PASSWORD", "its password", secret=True),
    Variable("SECRET_KEY", "signs logins and links; all copies of the server need the same",
             "kept in the data directory", secret=True),
    Variable("PORT", "port to listen on", "8000"),
    Variable("ALLOWED_HOSTS", "names the server answers to, separated by commas", "all"),
    Variable("CORS_ALLOWED_ORIGINS", "web pages that may ask from a browser, separated by commas", "none but our own"),
    Variable("FORWARDED_ALLOW_IPS", "proxies before us, separated by commas: their `X-Forwarded-For` tells where "
             "a request came from", "127.0.0.1, ::1"),
    Variable("COSOUND_CLOUD_DIR", "data directory", "cosound-cloud"),
    Variable("COSOUND_MEDIA_DIR", "where sound files are kept", "media in the data directory"),
    Variable("COSOUND_PUBLIC_URL", "address that boxes reach the server by", "the one they asked"),
    Variable("COSOUND_REFRESH_S", "seconds from one ranking of all rooms to the next", "30"),
    Variable("COSOUND_LOG", "what `serve` writes down: DEBUG, INFO (a line for every request), WARNING, ERROR", "INFO"),
    Variable("COSOUND_LOG_FORMAT", "`json`, `text` or `auto`", "text at a terminal, else json"),
    Variable("COSOUND_SUN_KEYS", "keys of cards that sign (NTAG 424 DNA), the same as on the boxes: "
             "VERSION:META_KEY:FILE_KEY,…", secret=True),
    Variable("COSOUND_PEPPER", "the organisation's secret for card hashes, hex; for `seed`", secret=True),
    Variable("COSOUND_POSTGRES_PASSWORD", "password of `cosound cloud postgres`", "made anew", secret=True),
    Variable("PLAYER_TOKEN", "a box's token; read by `check` alone", secret=True),
    Variable("SUPABASE_URL", "address of the Supabase project whose logins count here too", "logins of our own alone"),
    Variable("SUPABASE_JWT_SECRET", "the project's legacy secret, only if it still signs logins with one", secret=True),
    Variable("SUPABASE_ANON_KEY", "the project's public key; read by `check` alone"),
    Variable("SUPABASE_SERVICE_KEY", "the project's secret key; read by `check` alone", secret=True),
    Variable("DEBUG", "", "False", refused="there is no page that shows errors: they are in the log; leave it out"),
    Variable("AWS_STORAGE_BUCKET_NAME", "bucket of S3 where sound files are kept", "none: the folder"),
    Variable("AWS_ACCESS_KEY_ID", "key to the bucket", "the machine's own role"),
    Variable("AWS_SECRET_ACCESS_KEY", "the key's secret", "the machine's own role", secret=True),
    Variable("AWS_S3_REGION_NAME", "region of the bucket", "us-east-1"),
    Variable("AWS_S3_ENDPOINT_URL", "address of a store other than Amazon's: MinIO, Cloudflare R2, Supabase Storage",
             "Amazon's"),
    Variable("AWS_LOCATION", "folder in the bucket", "sounds"),
    Variable("AWS_DEFAULT_ACL", "", refused="no file is public here: every link is signed and ends"),
    Variable("AWS_S3_CUSTOM_DOMAIN", "", refused="a signed link is for the store's own address: leave it out"),
    Variable("USE_SUPABASE", "", refused="DATABASE_URL says which database, SUPABASE_URL whose logins: leave it out"),
    Variable("VITE_API_URL", "", refused="a room's page asks the server that it came from: leave it out"),
    Variable("VITE_SUPABASE_URL", "", refused="a room's page knows its server alone: say SUPABASE_URL"),
    Variable("VITE_SUPABASE_ANON_KEY", "", refused="a room's page knows its server alone: leave it out"),
    Variable("MODAL_TOKEN_ID", "", refused="no sound is made by Modal: upload files instead"),
    Variable("MODAL_TOKEN_SECRET", "", secret=True, refused="no sound is made by Modal: upload files instead"),
)  # fmt: skip


def surroundings(environ: Mapping[str, str], folder: Path = Path()) -> dict[str, str]:
    """The environment, and below it what `.env` and `env/.env` say; the first that names a thing decides.

    Raises SetupError for a file that cannot be read.
    """
    found: dict[str, str] = {}
    for file in reversed(FILES):
        try:
            found |= {name: value or NOWHERE for name, value in dotenv_values(folder / file, interpolate=False).items()}
        except (OSError, UnicodeDecodeError) as error:
            raise SetupError(f"{folder / file} cannot be read: make it a text file with NAME=value lines") from error
    return found | dict(environ)


def refusals(env: Mapping[str, str]) -> list[str]:
    """A line for each name that is set and cannot be honoured."""
    return [
        f"{variable.name} is not used: {variable.refused}"
        for variable in VARIABLES
        if variable.refused and env.get(variable.name) and not _is_harmless(variable.name, env[variable.name])
    ]


def listed(text: str | None) -> tuple[str, ...]:
    """Names separated by commas."""
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def table() -> str:
    """For the documentation."""
    lines = ["| name | what for | default |", "|---|---|---|"]
    for variable in VARIABLES:
        what = f"*refused:* {variable.refused}" if variable.refused else variable.what
        kind = " (secret)" if variable.secret else ""
        lines.append(f"| `{variable.name}`{kind} | {what} | {variable.default} |")
    return "\n".join(lines) + "\n"


def _is_harmless(name: str, value: str) -> bool:
    off = name == "DEBUG" and value.lower() in ("false", "0", "no", "off")
    return off or (name == "AWS_S3_CUSTOM_DOMAIN" and value.endswith(".amazonaws.com"))  # that is its own address
