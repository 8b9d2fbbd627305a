"""`cosound add`: a person's own files for the room."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import click

from appliance.errors import CosoundError, SetupError
from appliance.music.kind import KINDS
from mixer.scene import Kind

if TYPE_CHECKING:
    from appliance.music.adding import Result
    from appliance.music.door import Door


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH…", type=click.Path(path_type=Path))
@click.option(
    "--type", "kind", type=click.Choice(KINDS), help="What they are.  [default: by names and tags, see above]"
)
@click.option("--local", is_flag=True, help="On this box only, although a cloud is configured.")
@click.option("--email", envvar="COSOUND_ADMIN_EMAIL", help="Staff's login to the cloud.  [COSOUND_ADMIN_EMAIL]")
@click.option("--small-first", is_flag=True, help="Begin with the small files, so that some are soon there.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each file, for machines.")
def add(
    paths: tuple[Path, ...],
    kind: Kind | None,
    local: bool,
    email: str | None,
    small_first: bool,
    as_json: bool,
) -> None:
    """Add sound files of your own (WAV, FLAC, OGG, MP3, Opus), or folders of them, to the room.

    With a cloud configured they are uploaded to it, for all its rooms; else they go on this box. The password of
    staff's login is COSOUND_ADMIN_PASSWORD, or is asked for.

    A file is an instrumental (one at a time, to its end) when its name, or a folder's below PATH, names an
    instrument, or its tags a genre of music; every other one is a soundscape, a bed that loops beside others.
    """
    from appliance.music.adding import Adding, summary

    progress = _Progress()
    results: list[Result] = []
    with _door(local, email) as door:
        adding = Adding(door, kind, on_share=progress.show)
        try:
            for result in adding.add(paths, small_first=small_first):
                progress.clear()
                results.append(result)
                _say(result, as_json)
        except CosoundError as error:
            progress.clear()
            click.echo(f"cosound: {error}", err=True)
    click.echo(f"{summary(results)} ({door.where})", err=as_json)
    sys.exit(0 if any(result.word == "added" for result in results) else 2)


def _say(result: Result, as_json: bool) -> None:
    click.echo(result.line(), err=as_json)
    if as_json:
        click.echo(json.dumps(asdict(result)))


@contextmanager
def _door(local: bool, email: str | None) -> Iterator[Door]:
    from appliance.config import load_config
    from appliance.music.shelf import Shelf
    from appliance.store import open_store

    config = load_config()
    if config.cloud_url and not local:
        yield _upload(config.cloud_url, email, os.environ.get("COSOUND_ADMIN_PASSWORD"))
        return
    store = open_store(config.box_data_dir, config.box_runtime_dir, f"add-{os.getpid()}")
    try:
        yield Shelf.of(config, store)
    finally:
        store.close()


def _upload(cloud_url: str, email: str | None, password: str | None) -> Door:
    from appliance.music.upload import Upload

    asking = sys.stdin.isatty()
    if not (email and password) and not asking:
        raise SetupError(
            f"the cloud at {cloud_url} wants a login: set COSOUND_ADMIN_EMAIL and COSOUND_ADMIN_PASSWORD, "
            "or give --local to add to this box only"
        )
    email = email or click.prompt(f"E-mail for {cloud_url}", err=True)
    password = password or click.prompt("Password", hide_input=True, err=True)
    return Upload.log_in(cloud_url, str(email), str(password))


class _Progress:
    """One line that overwrites itself, on a terminal only: which file, how far, how long it has taken."""

    def __init__(self) -> None:
        self._name = ""
        self._began_s = 0.0
        self._shown_s = 0.0

    def show(self, name: str, share: float) -> None:
        from appliance.music.study import clock

        now_s = monotonic()
        if name != self._name:
            self._name, self._began_s = name, now_s
        if not sys.stderr.isatty() or now_s - self._shown_s < 0.1:
            return
        self._shown_s = now_s
        took_s = now_s - self._began_s
        left = f", {clock(took_s / share - took_s)} to go" if took_s > 3 and share > 0.02 else ""
        click.echo(f"\r\x1b[K{name[-50:]}: {share:.0%}, {clock(took_s)}{left}", nl=False, err=True)

    def clear(self) -> None:
        if sys.stderr.isatty():
            click.echo("\r\x1b[K", nl=False, err=True)
