"""Where a PostgreSQL is: what `DATABASE_URL` or the `DB_*` names say, as libpq understands it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from cloud_stub.errors import SetupError

SCHEMES = ("postgres", "postgresql")
POOLER_PORT = 6543
_NEAR = ("localhost", "127.0.0.1", "::1", "")
# Options that other drivers read from the same address; libpq would refuse the whole of it for them.
_OTHERS_OPTIONS = frozenset(
    ("pgbouncer", "connection_limit", "pool_timeout", "schema", "statement_cache_size", "socket_timeout")
)
_ITS_OPTIONS = frozenset(
    ("sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout", "application_name", "target_session_attrs",
     "channel_binding", "gssencmode", "keepalives", "options")
)  # fmt: skip


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """One database on one server. Never shown whole: it holds a password."""

    host: str
    port: int
    user: str
    password: str
    name: str
    options: Mapping[str, str]

    @property
    def label(self) -> str:
        """For people and logs."""
        return f"{self.user}@{self.host}:{self.port}/{self.name}"

    def __repr__(self) -> str:
        return f"Address({self.label})"

    def parameters(self) -> dict[str, str]:
        """For `psycopg.connect`. Anywhere but on this machine the connection is encrypted."""
        given = {"host": self.host, "port": str(self.port), "user": self.user, "dbname": self.name}
        if self.password:
            given["password"] = self.password
        if self.host not in _NEAR and not self.host.startswith("/"):
            given["sslmode"] = "require"
        return {**given, **self.options}


def from_url(url: str, name: str = "DATABASE_URL") -> Address:
    """Raises SetupError naming what is wrong, never the password."""
    try:
        parts = urlsplit(url)
        port = parts.port or 5432
    except ValueError as error:
        raise SetupError(
            f"{name} cannot be read: write signs like @ : / # in the password as %40 %3A %2F %23"
        ) from error
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise SetupError(f"{name} has no host: give postgresql://USER:PASSWORD@HOST:PORT/DATABASE")
    return Address(
        host=parts.hostname,
        port=port,
        user=unquote(parts.username or "postgres"),
        password=unquote(parts.password or ""),
        name=unquote(parts.path.lstrip("/")) or "postgres",
        options=_options(parts.query, name),
    )


def from_names(env: Mapping[str, str]) -> Address | None:
    """The address that DB_HOST and its siblings give; None without DB_HOST."""
    if not env.get("DB_HOST"):
        return None
    port = env.get("DB_PORT") or str(POOLER_PORT)
    if not port.isdecimal() or not 0 < int(port) < 65_536:
        raise SetupError(f"DB_PORT is {port!r}: give a port number, {POOLER_PORT} for Supabase's pooler")
    return Address(
        host=env["DB_HOST"],
        port=int(port),
        user=env.get("DB_USER") or "postgres",
        password=env.get("DB_PASSWORD", ""),
        name=env.get("DB_NAME") or "postgres",
        options={},
    )


def _options(query: str, name: str) -> dict[str, str]:
    given = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(given.keys() - _ITS_OPTIONS - _OTHERS_OPTIONS)
    if unknown:
        raise SetupError(f"{name} has an option {unknown[0]!r} that PostgreSQL does not know: leave it out")
    return {key: value for key, value in given.items() if key in _ITS_OPTIONS}
