"""The `cosound` command. Each package brings its own commands; one is loaded only when it is called."""

from __future__ import annotations

import json
import os
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import click

from appliance.errors import CosoundError

GROUP = "cosound.commands"


class Commands(click.Group):
    """Finds commands by entry point, so that `cosound player` never imports the cloud."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_entries())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = _entries().get(cmd_name)
        return None if entry is None else entry.load()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cosound")
def cosound() -> None:
    """Cosound: a room whose sound follows its people."""


def main() -> None:
    """Run the command line; an error of ours is one line and exit code 2, never a trace."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: its threads would fight the audio's
    try:
        cosound(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        click.echo(f"cosound: {' '.join(error.format_message().split())}{_help_of(error)}", err=True)
        sys.exit(error.exit_code)
    except CosoundError as error:
        click.echo(f"cosound: {error}", err=True)
        sys.exit(2)


def _help_of(error: click.ClickException) -> str:
    """Where to read how the command is meant."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f" (`{context.command_path} --help` tells more)" if context else ""


@click.command()
@click.option("--record", type=click.Path(path_type=Path, dir_okay=False), help="Also write what is played to FILE.")
def player(record: Path | None) -> None:
    """Play the room: the audio process."""
    from appliance.player_process import run_player

    run_player(record)


@click.command()
def ui() -> None:
    """Serve the touchscreen on 127.0.0.1."""
    from appliance.config import load_config
    from appliance.ui.app import serve

    serve(load_config())


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.option("--ledger", is_flag=True, help="Instead: every decision kept, for `cosound ml replay-ledger`.")
def status(as_json: bool, ledger: bool) -> None:
    """What plays and why, who is here, and how the box is."""
    from appliance.status import read_status, status_lines

    if ledger:
        from appliance.ledger_command import ledger_lines

        for line in ledger_lines():
            click.echo(line)
        return
    state = read_status()
    click.echo(json.dumps(state, indent=2) if as_json else "\n".join(status_lines(state)))


@click.command()
@click.argument("value", type=int)
@click.option("--as", "name", default=None, help="Friendly name of the voter; default: whoever tapped in last.")
@click.option("--song", default=None, help="Rate one song by its title instead of the whole mix.")
def vote(value: int, name: str | None, song: str | None) -> None:
    """Rate what sounds from 1 (no) to 5 (yes), as the screen does."""
    from appliance.vote_command import cast_vote

    click.echo(cast_vote(value, name, song))


def _entries() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}
