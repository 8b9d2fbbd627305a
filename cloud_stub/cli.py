"""`cosound cloud`: serve, seed, migrate, check, and a PostgreSQL to try it on."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import click

from cloud_stub.environment import refusals, surroundings
from cloud_stub.errors import CloudError
from cloud_stub.settings import CloudSettings

log = logging.getLogger(__name__)

DATA_DIR = Path("cosound-cloud")
_data = click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), default=DATA_DIR, show_default=True,
    envvar="COSOUND_CLOUD_DIR", help="Where the database and the files are.",
)  # fmt: skip


class OneLine(click.ClickException):
    """What a person has to change, in one line; exit code 2."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"cosound: {self.message}", err=True, file=file)


@contextmanager
def one_line_errors() -> Iterator[None]:
    try:
        yield
    except CloudError as error:
        raise OneLine(" ".join(str(error).split())) from error


@click.group()
def cloud() -> None:
    """The cloud: libraries, listeners, rooms."""


@cloud.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port, 0 for a free one.  [default: PORT, else 8000]")
@_data
def serve(host: str, port: int | None, data: Path) -> None:
    """Run the server until it is told to stop."""
    from cloud_stub.logs import configure
    from cloud_stub.secrecy import Secrecy, secrets_of
    from cloud_stub.serve import run

    with one_line_errors():
        env = _surroundings()
        settings = CloudSettings.for_directory(data, env)
        configure(env, Secrecy(secrets_of(settings, env)))
        for line in refusals(env):
            log.warning(line)
        settings = replace(settings, host=host, port=settings.port if port is None else port)
        run(settings, lambda address: click.echo(f"cosound cloud on {address}"))


@cloud.command()
@click.option("--ranking", type=click.Choice(["cloud", "database"]), help="Who ranks from now on (PostgreSQL only).")
@click.option(
    "--print", "only_print", is_flag=True, help="Print the SQL for PostgreSQL instead, for Supabase's editor."
)
@_data
def migrate(ranking: str | None, only_print: bool, data: Path) -> None:
    """Bring the database up to date; done twice it changes nothing."""
    from cloud_stub.migrate import as_script, bring_up_to_date

    if only_print:
        click.echo(as_script())
        return
    with one_line_errors():
        for line in bring_up_to_date(CloudSettings.for_directory(data, _surroundings()).database, ranking):
            click.echo(line)


@cloud.command()
@_data
def check(data: Path) -> None:
    """Look at everything that is known to go wrong; exit code 1 if something is."""
    from cloud_stub.check import examine_directory

    with one_line_errors():
        findings = list(examine_directory(data, _surroundings()))
    for finding in findings:
        click.echo(str(finding))
    sys.exit(0 if all(finding.ok for finding in findings) else 1)


@cloud.command()
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="Port on 127.0.0.1.  [default: a free one]")
@click.option("--version", type=click.Choice(["18", "16"]), default="18", show_default=True, help="Which PostgreSQL.")
@click.option("--api", is_flag=True, help="With Supabase's API before it, for a box without our server.")
@click.option("--api-port", type=click.IntRange(0, 65_535), default=0, help="Port of that.  [default: a free one]")
@_data
def postgres(port: int, version: str, api: bool, api_port: int, data: Path) -> None:
    """Run a PostgreSQL to try things on, until told to stop; then all of it is gone.

    The password is COSOUND_POSTGRES_PASSWORD; without one the address that is printed has it.
    """
    from cloud_stub.embedded_postgres import run
    from cloud_stub.project_server import run as run_project

    with one_line_errors():
        password = os.environ.get("COSOUND_POSTGRES_PASSWORD")
        if api:
            files = CloudSettings.for_directory(data, _surroundings()).media_dir
            run_project(int(version), port, password, api_port, files, click.echo)
        else:
            run(int(version), port, password, click.echo)


@cloud.command()
@click.option("--listeners", type=click.IntRange(0, 10_000), default=12, show_default=True, help="How many.")
@click.option("--starter", type=click.Path(path_type=Path, file_okay=False), help="Where the sounds are, or go.")
@click.option("--no-starter", is_flag=True, help="Leave the starter library out: the room gets songs of your own.")
@click.option("--strangers", is_flag=True, help="Nothing is known yet of what the listeners like.")
@click.option("--room", default="Lobby", show_default=True, help="Name of the room.")
@click.option("--json", "as_json", is_flag=True, help="Say what is there as JSON.")
@_data
def seed(
    listeners: int,
    starter: Path | None,
    no_starter: bool,
    strangers: bool,
    room: str,
    as_json: bool,
    data: Path,
) -> None:
    """Fill the cloud with sounds, a room and listeners; running it again changes nothing.

    The organisation's secret for cards is COSOUND_PEPPER; without one it makes its own.
    """
    from cloud_stub.seed import seed as sow

    with one_line_errors():
        env = _surroundings()
        settings = CloudSettings.for_directory(data, env)
        cards = _pepper(env.get("COSOUND_PEPPER"))
        found = sow(
            settings,
            listeners=listeners,
            pepper=cards,
            starter=starter,
            room=room,
            with_starter=not no_starter,
            with_tastes=not strangers,
        )
    click.echo(json.dumps(found, indent=1) if as_json else _told(found))


def _surroundings() -> dict[str, str]:
    """The environment with `.env` and `env/.env` below it."""
    return surroundings(os.environ)


def _pepper(text: str | None) -> bytes | None:
    if not text:
        return None
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise OneLine("COSOUND_PEPPER: give the secret as hex digits, two for each byte") from error


def _told(found: dict[str, Any]) -> str:
    room, admin = found["room"], found["admin"]
    lines = [
        f"{len(found['songs'])} songs, {len(found['listeners'])} listeners with cards and logins",
        f"room   {room['name']}  {room['player_id']}",
        f"sign   {room['address']}",
        f"token  {room['token']}",
        f"admin  {admin['email']}  {admin['password']}",
    ]
    if found["pepper"]:
        lines.append(f"pepper {found['pepper']}")
    return "\n".join(lines)
