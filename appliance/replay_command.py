"""`cosound replay`: hear again what the room played."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import click

from appliance.errors import SetupError


@click.command()
@click.option("--at", required=True, help="When: 14:05, 14:05:30 (today), 2026-05-01T14:05, or 90s ago as -90.")
@click.option("--seconds", type=click.FloatRange(0.1, 3600), default=60.0, show_default=True, help="How long.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The WAV file to write.")
def replay(at: str, seconds: float, out: Path) -> None:
    """Render from the scene log what the room played: the flight recorder.

    Files, gains, places and fades are those of the time; songs the box no longer has are left out.
    """
    from appliance.clock import SystemClock
    from appliance.config import load_config
    from appliance.replay import replay_to
    from appliance.store import open_store

    config = load_config()
    if not (config.box_data_dir / "cosound.db").exists():
        raise SetupError(f"no box in {config.box_data_dir}: set COSOUND_DATA_DIR to where it runs")
    at_wall_s = moment(at, SystemClock().wall_s())
    store = open_store(config.box_data_dir, config.box_runtime_dir, "replay")
    try:
        status = replay_to(
            store,
            at_wall_s,
            seconds,
            out,
            channels=config.sound_channels,
            target_lufs=config.sound_target_lufs,
            room=config.sound_room,
        )
    except OSError as error:
        raise SetupError(f"{out}: cannot be written ({error.strerror}); choose another file") from error
    finally:
        store.close()
    gone = f"; {status.missing_files} songs of the last scene are no longer here" if status.missing_files else ""
    click.echo(f"{out}: {seconds:g} s from {datetime.fromtimestamp(at_wall_s):%Y-%m-%d %H:%M:%S}{gone}")


def moment(text: str, now_s: float) -> float:
    """Seconds of wall time for a time of today, a date and time, or so many seconds ago. Raises SetupError."""
    if re.fullmatch(r"-\d+(\.\d+)?", text):
        return now_s + float(text)
    today = datetime.fromtimestamp(now_s).date()
    for form in (text, f"{today}T{text}"):
        try:
            return datetime.fromisoformat(form).timestamp()
        except ValueError:
            continue
    raise SetupError(f"--at {text!r} is no time; say 14:05, 2026-05-01T14:05, or -90 for ninety seconds ago")
