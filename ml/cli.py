"""`cosound ml`: make sounds, tag a sound, train the tag model, simulate an evening."""

from __future__ import annotations

from pathlib import Path

import click

from ml.errors import MlError

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
