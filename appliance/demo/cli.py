"""`cosound demo`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from appliance.demo.options import DemoOptions
from appliance.music.kind import KINDS

if TYPE_CHECKING:
    from ml.crowd import World


@click.command()
@click.option("--dir", "folder", type=click.Path(path_type=Path, file_okay=False), help="Keep everything in DIR.")
@click.option("--seconds", type=click.FloatRange(min=5), help="Stop so long after the first sound.")
@click.option("--record", type=click.Path(path_type=Path, dir_okay=False), help="Record what is played to FILE.wav.")
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help="Write the twelve steps to FILE.json.")
@click.option("--headless", is_flag=True, help="No sound device wanted: SDL's dummy driver, in real time.")
@click.option("--offline-after", type=float, help="Cut the cloud off so many seconds after the first sound.")
@click.option("--offline-for", type=float, default=15.0, show_default=True, help="… and bring it back after so many.")
@click.option("--music", type=click.Path(path_type=Path), help="Play the sound files in DIR, your own.", metavar="DIR")
@click.option("--type", "kind", type=click.Choice(KINDS), help="What they are.  [default: as `cosound add` decides]")
@click.option(
    "--database",
    type=click.Choice(["sqlite", "postgres"]),
    default="sqlite",
    show_default=True,
    help="What the cloud keeps its data in; postgres is one of our own, gone afterwards.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Who comes, when, and what they like.")
@click.option("--world", type=click.Choice(["spread", "camps", "aligned"]), hidden=True)
@click.option("--invert-votes", is_flag=True, hidden=True)
def demo(
    folder: Path | None,
    seconds: float | None,
    record: Path | None,
    report: Path | None,
    headless: bool,
    offline_after: float | None,
    offline_for: float,
    music: Path | None,
    kind: str | None,
    database: str,
    seed: int,
    world: World | None,
    invert_votes: bool,
) -> None:
    """Play a room with a crowd in it, on this machine, needing nothing else."""
    from appliance.demo.run import run_demo

    options = DemoOptions(
        folder, seconds, record, report, headless, offline_after, offline_for, seed, music, kind, database,
        world, invert_votes,
    )  # fmt: skip
    sys.exit(run_demo(options))
