"""The player as a process: signals before sound, one instance, sound before anything else."""

from __future__ import annotations

from pathlib import Path

from appliance.config import load_config
from appliance.errors import SetupError
from appliance.keeper import Keeper
from appliance.player import Player
from appliance.process import Stop, ending_on_damage, go_first, name_process, only_one, run, set_up_logging
from appliance.runtime import Runtime
from appliance.store import open_store
from mixer.engine import EngineError
from mixer.engines import open_engine
from mixer.recorder import Recorder


def run_player(record: Path | None = None) -> None:
    """Play until told to stop. Raises SetupError when there is no device, or another player."""
    stop = Stop().on_signals()
    name_process("player")
    go_first()
    set_up_logging()
    config = load_config()
    with only_one("player", config.box_data_dir):
        store = open_store(config.box_data_dir, config.box_runtime_dir, "player")
        try:
            engine = open_engine(
                "channels" if config.sound_engine == "channels" else "bus",
                device=config.sound_device or None,
                channels=config.sound_channels,
                block=config.sound_block,
                target_lufs=config.sound_target_lufs,
                recorder=_recorder(record, config.sound_channels),
                room=config.sound_room,
                process_first=True,
            )
        except EngineError as error:
            raise SetupError(str(error)) from error
        player = Player(store, engine, Runtime(config.box_runtime_dir), config)
        keeper = Keeper(store)

        def step() -> None:
            player.step()
            keeper.step()

        with ending_on_damage("player"):
            try:
                player.start()
                keeper.start()
                run("player", step, stop)
            finally:
                keeper.close()
                player.close()
                store.close()


def _recorder(path: Path | None, channels: int) -> Recorder | None:
    if path is None:
        return None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return Recorder(path, channels)
    except OSError as error:
        raise SetupError(f"cannot record to {path}: {error.strerror}; choose another file") from error
