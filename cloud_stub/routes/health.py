"""Is the server well? For load balancers and people."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response

from cloud_stub.answers import Health
from cloud_stub.auth import Cloud
from cloud_stub.database import Database, Tx
from cloud_stub.errors import StorageError
from cloud_stub.services import Services

router = APIRouter()

MISSED_TURNS = 4  # of the ranking: then it is not late but gone


@router.get("/health", responses={503: {"model": Health, "description": "Something it needs does not work."}})
async def health(cloud: Cloud, response: Response) -> Health:
    """How it is; 503 while something it needs does not work."""
    database, storage = await _database_answers(cloud), await _storage_answers(cloud)
    age_s = _queue_age_s(cloud)
    ranking = age_s is not None and age_s <= MISSED_TURNS * cloud.settings.refresh_s
    ok = database and storage and ranking
    if not ok:
        response.status_code = 503
    return {
        "ok": ok,
        "database": database,
        "storage": storage,
        "ranking": ranking,
        "queue_age_s": age_s,
        "waiting": len(cloud.waiters),
    }


def _queue_age_s(cloud: Services) -> float | None:
    ranked_s = cloud.refresher.refreshed_s
    return None if ranked_s is None else round(max(0.0, cloud.now() - ranked_s), 1)


async def _database_answers(cloud: Services) -> bool:
    try:
        return await cloud.database.read(_ask) == 1
    except Database.Error:
        return False


def _ask(tx: Tx) -> int:
    return int(tx.value("select 1"))


async def _storage_answers(cloud: Services) -> bool:
    try:
        await asyncio.to_thread(cloud.storage.check)
    except StorageError:
        return False
    return True
