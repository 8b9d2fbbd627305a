"""The server put together: routes, the fast path in front of them, and one shape for every refusal."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from cloud_stub.answers import ALWAYS, refusals
from cloud_stub.boxes import INVALID_TOKEN, InvalidPlayerToken
from cloud_stub.database import Database
from cloud_stub.errors import Refused, StorageError
from cloud_stub.fastpath import QueueFastPath
from cloud_stub.limits import BodyLimit
from cloud_stub.logs import request_id
from cloud_stub.request_log import RequestLog
from cloud_stub.routes import admin, auth, events, handover, health, listener, media, player, room, simple_player, sync
from cloud_stub.services import Services
from cloud_stub.settings import CloudSettings

RETRY_AFTER_S = "5"


def create_app(settings: CloudSettings, now: Callable[[], float] = time.time) -> FastAPI:
    """The application; nothing is opened before its lifespan starts. `now` is the wall clock in seconds."""
    services = Services.build(settings, now)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await services.start()
        try:
            yield
        finally:
            await services.stop()

    app = FastAPI(title="Cosound cloud", lifespan=lifespan, docs_url=None, redoc_url=None, responses=refusals(*ALWAYS))
    app.state.services = services
    for module in (auth, listener, handover, room, events, player, simple_player, sync, admin, media, health):
        app.include_router(module.router)
    app.add_middleware(BodyLimit, upload_max_bytes=settings.upload_max_bytes)
    app.add_middleware(QueueFastPath, services=services)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=settings.cors_origins, allow_methods=["*"], allow_headers=["*"]
        )
    if settings.allowed_hosts:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=settings.allowed_hosts)
    app.add_middleware(RequestLog)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(InvalidPlayerToken, _invalid_player_token)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Database.Error, _database_gone)
    app.add_exception_handler(StorageError, _storage_gone)
    app.add_exception_handler(Database.IntegrityError, _cannot_be_stored)
    app.add_exception_handler(Exception, _broken)
    return app


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    return JSONResponse({"error": error.code, "message": error.message}, error.status, headers)


async def _invalid_player_token(_: Request, __: Exception) -> Response:
    return Response(INVALID_TOKEN, 401, media_type="application/json")


async def _invalid(_: Request, error: Exception) -> Response:
    """The first problem in one line; what was sent is not repeated."""
    assert isinstance(error, RequestValidationError | ValidationError)
    problems: list[Any] = list(error.errors())
    where = ".".join(str(part) for part in problems[0]["loc"] if part not in ("body", "query", "path"))
    message = f"{where or 'body'}: {problems[0]['msg']}" if problems else "the request cannot be read"
    return JSONResponse({"error": "invalid", "message": message}, 422)


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": "http", "message": str(error.detail)}, error.status_code, error.headers)


async def _cannot_be_stored(_: Request, __: Exception) -> Response:
    message = "what was sent cannot be stored: a value is out of range or not text, or it is there already"
    return JSONResponse({"error": "conflict", "message": message}, 422)


async def _broken(_: Request, __: Exception) -> Response:
    """A bug of ours. The trace is in the log alone; the server goes on."""
    message = f"something is wrong here: it stands in the server's log under {request_id.get()}"
    return JSONResponse({"error": "broken", "message": message}, 500)


async def _storage_gone(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": "unavailable", "message": str(error)}, 503, {"Retry-After": RETRY_AFTER_S})


async def _database_gone(_: Request, __: Exception) -> Response:
    message = "the database cannot be reached: try again in a moment"
    return JSONResponse({"error": "unavailable", "message": message}, 503, {"Retry-After": RETRY_AFTER_S})
