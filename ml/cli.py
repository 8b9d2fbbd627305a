"""`cosound ml`: make sounds, tag a sound, train the tag model, simulate an evening."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from ml.errors import MlError

if TYPE_CHECKING:
    from ml.collective import Policy
    from ml.taste import Rule

SHIPPED = Path(__file__).parent / "data" / "tags.npz"


@click.group()
def ml() -> None:
    """Numbers and sounds: the starter library, the tag model, the taste simulator."""


@ml.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--seed", default=0, show_default=True, help="Another seed, another rain.")
def synth(folder: Path, seed: int) -> None:
    """Write the starter library into FOLDER as FLAC (about ten seconds; what is there is kept)."""
    from ml.synth import RECIPES, write_starter_library

    def say(title: str, done: int, of: int) -> None:
        if title:
            click.echo(f"  {done + 1:2d}/{of}  {title}")

    try:
        songs = write_starter_library(folder, seed=seed, progress=say)
    except OSError as error:
        raise click.ClickException(f"cannot write to {folder}: {error.strerror or error}") from error
    click.echo(f"{len(songs)} of {len(RECIPES)} sounds are in {folder}")


@ml.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def embed(file: Path) -> None:
    """Show what the tag model hears in FILE."""
    from ml.features import extract_file
    from ml.model import load_default
    from ml.tags import TAGS

    try:
        heard = load_default().embed(extract_file(file))
    except MlError as error:
        raise click.ClickException(str(error)) from error
    if heard.source == "neutral":
        click.echo(f"{file.name}: none of the five tags for sure ({heard.confidence:.0%} at most), so it is neutral")
    for tag, value in sorted(zip(TAGS, heard.vector, strict=True), key=lambda pair: -pair[1]):
        click.echo(f"  {tag:15s} {value:6.3f}  {'█' * round(30 * value)}")


@ml.command()
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=SHIPPED, help="Where to write it.")
@click.option("--variants", default=48, show_default=True, help="Sounds of each tag.")
@click.option("--seed", default=1000, show_default=True)
def train(out: Path, variants: int, seed: int) -> None:
    """Train the tag model anew from synthetic sounds (one to two minutes)."""
    from ml.train import trained_model

    def say(done: int, of: int) -> None:
        if done % 20 == 0:
            click.echo(f"  {done}/{of} sounds")

    try:
        trained_model(variants=variants, seed=seed, progress=say).save(out)
    except (MlError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"the tag model is in {out} ({out.stat().st_size} bytes)")


@ml.command()
@click.option("--world", "worlds", multiple=True, type=click.Choice(["spread", "camps", "aligned", "drift"]))
@click.option("--policy", "policies", multiple=True, help="bayes, v1, least_misery, turns, static … (default: all)")
@click.option("--seeds", default=10, show_default=True, help="Evenings of each.")
@click.option("--json", "as_json", type=click.Path(dir_okay=False, path_type=Path), help="Write the rows as JSON.")
@click.option("--picture", type=click.Path(dir_okay=False, path_type=Path), help="Write a picture as SVG.")
def simulate(
    worlds: tuple[str, ...], policies: tuple[str, ...], seeds: int, as_json: Path | None, picture: Path | None
) -> None:
    """Simulate evenings and compare how policies please a crowd (a second per policy, world and few seeds)."""
    from ml import simulate as simulator

    methods = [method for method in simulator.METHODS if not policies or method in policies]
    unknown = sorted(set(policies) - set(simulator.METHODS))
    if unknown or seeds < 1:
        raise click.ClickException(f"policies are {', '.join(simulator.METHODS)}; seeds start at 1")
    rows = [
        row
        for world in simulator.WORLDS
        if not worlds or world in worlds
        for row in simulator.simulate(world, methods, seeds=seeds, progress=lambda name: click.echo(name, err=True))
    ]
    click.echo(simulator.table(rows))
    if as_json is not None:
        as_json.write_text(json.dumps(simulator.as_dicts(rows), indent=1) + "\n", encoding="utf-8")
    if picture is not None:
        picture.write_text(simulator.svg(rows), encoding="utf-8")


@ml.command("replay-ledger")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option("--rule", type=click.Choice(["bayes", "v1"]))
@click.option("--policy", type=click.Choice(["mean", "least_misery", "turns"]))
def replay_ledger(file: TextIO, rule: Rule | None, policy: Policy | None) -> None:
    """Decide every row of a ledger FILE again under another rule or policy, and say what would have changed."""
    from ml.ledger import read_ledger, replay

    try:
        rows = [replay(decision, rule=rule, policy=policy) for decision in read_ledger(file)]
    except MlError as error:
        raise click.ClickException(f"{file.name}: {error}") from error
    for row in rows:
        fresh = [song for song in row.now if song not in row.wanted]
        wish = f"wish turned {row.turned:5.3f}  liking {row.liking_then:.3f} → {row.liking_now:.3f}"
        click.echo(f"{row.at_s:10.0f} s  {wish}  new: {', '.join(fresh) or '–'}")
    changed = sum(set(row.now) != set(row.wanted) for row in rows)
    click.echo(f"{len(rows)} decisions, {changed} would have wanted other songs")
