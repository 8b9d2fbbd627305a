"""What an HTTP answer means: ours, somebody else's, not now, not you, or not like that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from sync.errors import BadRequest, LinkDown, NotAuthorised, NotTheCloud

MAX_RETRY_AFTER_S = 300.0
MALFORMED = {400: "malformed", 413: "too_large", 422: "invalid"}

Reply = TypeVar("Reply", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, read."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_html(self) -> bool:
        return "html" in self.headers.get("content-type", "") or self.body[:64].lstrip()[:1] == b"<"


def judge(answer: Answer) -> None:
    """Return if the cloud answered what was asked (2xx, 304); otherwise raise what to do about it."""
    judge_transport(answer)
    status = answer.status
    if status >= 500:
        raise LinkDown(f"the cloud answers {status}: later", retry_after_s=retry_after(answer.headers), answered=True)
    if status in (401, 403):
        raise NotAuthorised(f"the cloud refuses this player's token ({status}): set a valid cloud.token")
    if status in MALFORMED:
        raise BadRequest(f"the cloud answers {status}: {_detail(answer)}", MALFORMED[status])
    if status >= 400:
        raise NotTheCloud(f"{status} where the cloud should be: is cloud.url right?", answered=True)


def judge_transport(answer: Answer) -> None:
    """Raise for what lies on the way to any cloud: portals, proxies, and whoever asks for patience."""
    status = answer.status
    if 300 <= status < 400 and status != 304:
        where = answer.headers.get("location", "nowhere")
        raise NotTheCloud(f"we are sent on to {where[:80]}: a captive portal? else correct cloud.url")
    if status == 511:
        raise NotTheCloud("the network asks for a login (511): a captive portal; somebody must log this box in")
    if status == 429 or (status >= 500 and answer.is_html):
        raise LinkDown(f"the cloud answers {status}: later", retry_after_s=retry_after(answer.headers), answered=True)
    if status == 413:
        raise BadRequest("the cloud answers 413: too large", MALFORMED[status])
    if answer.is_html:
        raise NotTheCloud(f"a web page answers ({status}) instead of the cloud: a captive portal? look at the network")


def read_answer(answer: Answer, model: type[Reply]) -> Reply:
    """The body as `model`; NotTheCloud when it is something else."""
    try:
        return model.model_validate_json(answer.body)
    except ValidationError as error:
        what = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, what["loc"])) or "the whole"
        message = f"an answer ({answer.status}) that is not ours: {where}: {what['msg'][:100]}"
        raise NotTheCloud(message, answered=bool(answer.body) and not answer.is_html) from error


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds of patience asked for, 0 … 300; the header holds seconds or a date."""
    text = headers.get("retry-after", "")
    try:
        wanted_s = float(text) if text.strip().isdigit() else _until(text, headers.get("date", ""))
    except (ValueError, TypeError):
        return 0.0
    return min(max(wanted_s, 0.0), MAX_RETRY_AFTER_S)


def _until(text: str, now: str) -> float:
    """By the cloud's own clock, where it tells it: ours may be years off."""
    start = parsedate_to_datetime(now) if now else datetime.now(UTC)
    return (parsedate_to_datetime(text) - start).total_seconds()


def _detail(answer: Answer) -> str:
    try:
        body = json.loads(answer.body)
    except ValueError:
        return "no reason given"
    return str(body.get("detail") or body.get("error") or body)[:120] if isinstance(body, dict) else str(body)[:120]
