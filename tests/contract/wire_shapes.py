"""The wire's models as JSON schemas in a migration, so that the database checks what comes in by the same rules.

`python tests/contract/wire_shapes.py cloud_stub/schema/postgres/NNN_shapes.sql` writes a new one.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from sync import rpc, wire
from sync.facts import OP_BODIES

MODELS = {
    **{f"op.{name}": body for name, body in OP_BODIES.items()},
    "PullQuery": rpc.PullQuery,
    "PushRequest": wire.PushRequest,
    "Heartbeat": wire.Heartbeat,
    "BareBeat": wire.BareBeat,
}
_SAID_ELSEWHERE = ("title", "description", "default")


def shapes() -> dict[str, Any]:
    """name → JSON schema, without what is only for people."""
    return {name: _bare(model.model_json_schema()) for name, model in MODELS.items()}


def _bare(part: Any, *, is_schema: bool = True) -> Any:
    """Names of fields are not keywords: below `properties` and `$defs` nothing is taken out."""
    if isinstance(part, list):
        return [_bare(item) for item in part]
    if not isinstance(part, dict):
        return part
    left = {key: value for key, value in part.items() if not (is_schema and key in _SAID_ELSEWHERE)}
    return {key: _bare(value, is_schema=key not in ("properties", "$defs")) for key, value in left.items()}


def script() -> str:
    rows = ",\n".join(f"    ('{name}', '{_quoted(shape)}')" for name, shape in shapes().items())
    return (
        "-- What may come in, by the wire's models: tests/contract/wire_shapes.py writes it, and a test compares.\n"
        f"insert into private.shapes (name, shape) values\n{rows}\n"
        "on conflict (name) do update set shape = excluded.shape;\n"
    )


def _quoted(shape: Any) -> str:
    return json.dumps(shape, separators=(",", ":")).replace("'", "''")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(script())
