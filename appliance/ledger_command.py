"""`cosound status --ledger`: the decisions the box has kept, one line of JSON each."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.config import Config, load_config
from appliance.errors import SetupError
from appliance.store import open_store
from appliance.store.ledger import Ledger


def ledger_lines(config: Config | None = None) -> Iterator[str]:
    """Oldest first, as `cosound ml replay-ledger` reads them. Raises SetupError where no box has ever run."""
    config = config or load_config()
    if not (config.box_data_dir / "cosound.db").exists():
        raise SetupError(f"no box in {config.box_data_dir}: start it, or set COSOUND_DATA_DIR to where it runs")
    store = open_store(config.box_data_dir, config.box_runtime_dir, "ledger")
    try:
        for decision in Ledger(store.db, store.clock).decisions():
            yield decision.to_line()
    finally:
        store.close()
