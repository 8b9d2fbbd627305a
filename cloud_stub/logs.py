"""What the server writes down: one line for each thing that happened, on standard error.

JSON for whoever collects it, or words for a person at a terminal. A line holds no secret and nobody's name.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

from cloud_stub.errors import SetupError
from cloud_stub.secrecy import Secrecy

FORMATS = ("auto", "json", "text")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_FRAMES = 12  # of a trace: the innermost tell
_QUIETER = ("uvicorn", "apscheduler", "httpx", "httpcore", "multipart", "python_multipart", "asyncio", "psycopg",
            "boto3", "botocore", "s3transfer", "urllib3")  # fmt: skip
_NO_NEWS = {
    "uvicorn.error": "without completing response",
    "apscheduler.scheduler": "maximum number of running instances reached",
}

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


class Lines(logging.Formatter):
    """A record as one line. Facts come as `extra={"facts": {...}}`."""

    def __init__(self, secrecy: Secrecy, *, as_json: bool) -> None:
        super().__init__()
        self._secrecy = secrecy
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        facts = self._facts(record)
        return json.dumps(facts, ensure_ascii=False) if self._as_json else _words(facts)

    def _facts(self, record: logging.LogRecord) -> dict[str, Any]:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        facts: dict[str, Any] = {"at": at, "level": record.levelname.lower(), "from": record.name}
        said = " ".join(record.getMessage().split())
        facts["says"] = self._secrecy.hide(said)
        if (asked := request_id.get()) is not None:
            facts["id"] = asked
        for name, value in getattr(record, "facts", {}).items():
            facts[name] = self._secrecy.hide(value) if isinstance(value, str) else value
        if record.exc_info and record.exc_info[1] is not None:
            facts["error"] = self._secrecy.hide(" ".join(_error(record.exc_info[1]).split()))
        return facts


def configure(env: Mapping[str, str], secrecy: Secrecy, stream: TextIO | None = None) -> None:
    """Write lines of that kind, and nothing else, to standard error. Raises SetupError for a kind that is none."""
    stream = stream or sys.stderr
    kind = _one_of("COSOUND_LOG_FORMAT", env.get("COSOUND_LOG_FORMAT"), FORMATS, "auto")
    level = _one_of("COSOUND_LOG", (env.get("COSOUND_LOG") or "").upper(), LEVELS, "INFO")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Lines(secrecy, as_json=kind == "json" or (kind == "auto" and not stream.isatty())))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    handler.addFilter(is_news)
    logging.captureWarnings(True)
    for name in _QUIETER:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))


def is_news(record: logging.LogRecord) -> bool:
    """Not what uvicorn thinks of an answer that we leave, since its reader stands still: `streams` says so itself. Nor
    that a job's last turn still waits for a slow database, once a second: this one is left out, as it should be."""
    no_news = _NO_NEWS.get(record.name)
    return no_news is None or no_news not in record.getMessage()


def _one_of(name: str, given: str | None, known: tuple[str, ...], usual: str) -> str:
    if not given:
        return usual
    if given not in known:
        raise SetupError(f"{name} is {given!r}: give one of {', '.join(known)}")
    return given


def _words(facts: dict[str, Any]) -> str:
    """For a person: the time of day, then what happened, then what that did not say."""
    at = datetime.fromisoformat(facts.pop("at")).astimezone().strftime("%H:%M:%S")
    level, _, said = facts.pop("level"), facts.pop("from"), facts.pop("says")
    words = said.split()
    rest = "  ".join(f"{name}={value}" for name, value in facts.items() if str(value) not in words)
    return f"{at} {level:<7} {said}{'  ' if rest else ''}{rest}"


def _error(error: BaseException) -> str:
    """Where it happened and what it was, innermost last; the text of the lines is in the source."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    path = " > ".join(f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in frames)
    return f"{path} > {type(error).__name__}: {error}"
