"""What of a Supabase project a box speaks to, in small: its gateway, PostgREST's functions, and public files.

To try the second door without an account (`cosound cloud postgres --api`), and for tests: PostgreSQL and the functions
in it are the real ones; what lies between answers as PostgREST documents it (v12: roles, GUCs, named arguments, error
bodies, statuses). A hosted Supabase was not tried.
"""

from __future__ import annotations

import hmac
import json
import queue
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, LiteralString

import jwt
import psycopg
from fastapi import Request
from psycopg import sql
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from cloud_stub.engines.address import Address
from cloud_stub.ranges import file_response
from cloud_stub.storage import FolderStorage

ROLES = ("anon", "authenticated", "service_role")
TIMEOUTS = {"anon": "3s", "authenticated": "8s"}  # what Supabase gives each role
FOR_TEN_YEARS_S = 10 * 365 * 86_400
_ALGORITHM = "HS256"
_JSON = "application/json; charset=utf-8"
_FOUND = """
    select p.proargnames[1:p.pronargs] as names, p.pronargs - p.pronargdefaults as needed,
        array(select format_type(t, null) from unnest(p.proargtypes) as t) as types
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'public' and p.proname = %s
"""
# By the code's first signs, the longest that fits; what is not here is 400.
_STATUSES = {
    "08": 503, "09": 500, "0L": 403, "0P": 403, "23503": 409, "23505": 409, "25006": 405, "25": 500, "28": 403,
    "2D": 500, "38": 500, "39": 500, "3B": 500, "40": 500, "53400": 500, "53": 503, "54": 500, "55": 500, "57": 500,
    "58": 500, "F0": 500, "HV": 500, "P0": 500, "P0001": 400, "XX": 500, "42883": 404, "42P01": 404, "42P17": 500,
}  # fmt: skip

Conn = psycopg.Connection[Any]


def api_key(secret: str, role: str, now_s: float) -> str:
    """A project's key for a role, as its settings page shows it."""
    claims = {"iss": "supabase", "role": role, "iat": int(now_s), "exp": int(now_s) + FOR_TEN_YEARS_S}
    return jwt.encode(claims, secret, _ALGORITHM)


def publishable_key(secret: str) -> str:
    """A project's key of the newer kind, which is no JWT."""
    return f"sb_publishable_{hmac.new(secret.encode(), b'publishable', 'sha256').hexdigest()[:32]}"


def create_project(address: Address, secret: str, files: FolderStorage) -> Starlette:
    """The application. `secret` signs its keys; `files` are public under /storage/v1/object/public/sounds/."""
    project = _Project(address, secret, files)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        project.close()

    return Starlette(
        lifespan=lifespan,
        routes=[
            Route("/rest/v1/rpc/{name}", project.call, methods=["GET", "POST"]),
            Route("/storage/v1/object/public/sounds/{name}", project.file),
        ],
    )


class _Refused(Exception):
    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(body.get("message"))
        self.status = status
        self.body = body


class _Project:
    def __init__(self, address: Address, secret: str, files: FolderStorage) -> None:
        self._address = address
        self._secret = secret
        self._files = files
        self._idle: queue.LifoQueue[Conn] = queue.LifoQueue()

    async def call(self, request: Request) -> Response:
        body = await request.body()
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            if request.method != "POST":
                raise _Refused(405, _own("PGRST101", "Only POST is offered here: arguments do not go into addresses"))
            claims = self._claims(headers)
            answer = await run_in_threadpool(self._called, request.path_params["name"], body, claims, headers)
        except _Refused as refused:
            return Response(json.dumps(refused.body), refused.status, media_type=_JSON)
        return Response(answer, 200, media_type=_JSON)

    async def file(self, request: Request) -> Response:
        name = request.path_params["name"]
        try:
            return file_response(request, self._files.open(name), self._files.size(name), name, 3600)
        except FileNotFoundError:
            found = {"statusCode": "404", "error": "not_found", "message": "Object not found"}
            return Response(json.dumps(found), 400, media_type=_JSON)

    def _claims(self, headers: Mapping[str, str]) -> dict[str, Any]:
        """Whose request it is. The gateway looks at `apikey`, PostgREST at the bearer."""
        if not headers.get("apikey"):
            hint = "No `apikey` request header or url param was found."
            raise _Refused(401, {"message": "No API key found in request", "hint": hint})
        try:
            if headers["apikey"] != publishable_key(self._secret):
                self._decoded(headers["apikey"])
        except jwt.InvalidTokenError:
            hint = "Double check your Supabase `anon` or `service_role` API key."
            raise _Refused(401, {"message": "Invalid API key", "hint": hint}) from None
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        try:
            claims = self._decoded(bearer) if bearer else {"role": "anon"}
        except jwt.InvalidTokenError:
            raise _Refused(401, _own("PGRST301", "JWSError JWSInvalidSignature")) from None
        if claims.get("role") not in ROLES:
            raise _Refused(403, _own("22023", f'role "{claims.get("role")}" does not exist'))
        return claims

    def _decoded(self, token: str) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(token, self._secret, algorithms=[_ALGORITHM])
        return claims

    def _called(self, name: str, body: bytes, claims: Mapping[str, Any], headers: Mapping[str, str]) -> bytes:
        try:
            with self._connection() as conn, conn.transaction():
                return _call(conn, name, _arguments(body), claims, headers)
        except psycopg.Error as error:
            code = error.sqlstate or "08006"
            message = {"code": code, "message": error.diag.message_primary or str(error).strip(),
                       "details": error.diag.message_detail, "hint": error.diag.message_hint}  # fmt: skip
            raise _Refused(_status(code, str(claims["role"])), message) from error

    @contextmanager
    def _connection(self) -> Iterator[Conn]:
        conn = self._take() or psycopg.connect(**self._address.parameters(), autocommit=True)  # type: ignore[arg-type]
        try:
            yield conn
        finally:
            if not conn.closed:
                self._idle.put(conn)

    def _take(self) -> Conn | None:
        with suppress(queue.Empty):
            while (conn := self._idle.get_nowait()).closed:
                pass
            return conn
        return None

    def close(self) -> None:
        while (conn := self._take()) is not None:
            conn.close()


def _arguments(body: bytes) -> dict[str, Any]:
    try:
        arguments = json.loads(body or b"{}")
    except ValueError:
        raise _Refused(400, _own("PGRST102", "Empty or invalid json")) from None
    if not isinstance(arguments, dict):
        raise _Refused(400, _own("PGRST102", "All object keys must match"))
    return arguments


def _call(
    conn: Conn, name: str, arguments: Mapping[str, Any], claims: Mapping[str, Any], headers: Mapping[str, str]
) -> bytes:
    """The function's answer, called as the role of the claims in a transaction that knows the request."""
    types = _types(conn, name, arguments)
    role = str(claims["role"])
    gucs = {"role": role, "search_path": "public, extensions", "request.method": "POST",
            "request.path": f"/rpc/{name}", "request.headers": json.dumps(headers),
            "request.jwt.claims": json.dumps(claims), "statement_timeout": TIMEOUTS.get(role, "0")}  # fmt: skip
    conn.execute("select set_config(key, value, true) from json_each_text(%s)", [json.dumps(gucs)])
    call = sql.SQL("select {}({})::text").format(
        sql.Identifier("public", name),
        sql.SQL(", ").join(sql.SQL("{} := payload.{}").format(*[sql.Identifier(key)] * 2) for key in arguments),
    )
    columns = sql.SQL(", ").join(sql.SQL("{} {}").format(sql.Identifier(key), sql.SQL(types[key])) for key in arguments)
    if arguments:
        call += sql.SQL(" from json_to_record(%s) as payload ({})").format(columns)
    row = conn.execute(call, [json.dumps(arguments)] if arguments else []).fetchone()
    return b"null" if row is None or row[0] is None else str(row[0]).encode()


def _types(conn: Conn, name: str, arguments: Mapping[str, Any]) -> dict[str, LiteralString]:
    """The types of the function's arguments, by name; 404 where none takes these."""
    for names, needed, types in conn.execute(_FOUND, [name]):
        known = names or []
        if set(arguments) <= set(known) and set(known[:needed]) <= set(arguments):
            return dict(zip(known, types, strict=True))
    given = ", ".join(sorted(arguments))
    raise _Refused(404, {
        "code": "PGRST202",
        "details": f"Searched for the function public.{name} with parameters {given}, but no matches were found.",
        "hint": None,
        "message": f"Could not find the function public.{name}({given}) in the schema cache",
    })  # fmt: skip


def _status(code: str, role: str) -> int:
    if code == "42501":
        return 401 if role == "anon" else 403
    if code.startswith("PT") and code[2:].isdigit():
        return int(code[2:])
    return next((_STATUSES[code[:size]] for size in (5, 2) if code[:size] in _STATUSES), 400)


def _own(code: str, message: str) -> dict[str, Any]:
    return {"code": code, "details": None, "hint": None, "message": message}
