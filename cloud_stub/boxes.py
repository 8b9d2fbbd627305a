"""Which box is asking: by the player token in `X-API-Key`, and nowhere else."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader

from cloud_stub.auth import Cloud
from cloud_stub.errors import CloudError
from cloud_stub.request_log import name_box
from cloud_stub.tokens import prefix_of
from sync.wire import API_KEY_HEADER

INVALID_TOKEN = b'{"success": false, "error": "Invalid player token"}'


class InvalidPlayerToken(CloudError):
    """Answered with the seeds' 401, to the letter."""


PLAYER_TOKEN = Security(APIKeyHeader(name=API_KEY_HEADER, auto_error=False, description="A room's player token."))


async def current_player(request: Request, cloud: Cloud, _: Annotated[object, PLAYER_TOKEN]) -> str:
    """The id of the player whose token was sent."""
    token = request.headers.get(API_KEY_HEADER, "")
    place = request.client.host if request.client else ""
    player_id = await cloud.polls.authenticate(token, cloud.now(), place)
    if player_id is None:
        if (prefix := prefix_of(token)) is not None:
            name_box(request.scope, f"csp_{prefix}")
        raise InvalidPlayerToken("Invalid player token")
    name_box(request.scope, player_id)
    return player_id


Box = Annotated[str, Depends(current_player)]
