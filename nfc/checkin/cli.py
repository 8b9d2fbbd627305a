"""`cosound nfc` with what can be done at the reader by hand, and `cosound tap`."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click

from appliance import handover
from appliance.clock import SystemClock
from appliance.config import Config, load_config
from appliance.errors import InputError, SetupError, TransientError
from appliance.model import Listener, TapResult
from appliance.process import Stop, main, name_process, only_one, run, set_up_logging
from appliance.readers import SILENT, readers_now
from appliance.runtime import Runtime
from appliance.store import Store, open_store
from appliance.store.identity import checked_code
from appliance.tapline import send_tap
from checkin import desk, detect
from checkin.address import room_address
from checkin.agent import Agent
from checkin.card import DEMO_CARD, parse_uid, say
from checkin.choose import drivers_of
from checkin.closing import closing_s
from checkin.feedback import Lamps
from checkin.keyring import Keyring
from checkin.lamps import lamps_of
from checkin.programming import programme
from checkin.sheet import write_sheet
from checkin.signer import UID_BYTES
from checkin.sun import SunKeys

RESULT_WITHIN_S = 2.0


@click.group(invoke_without_command=True)
@click.pass_context
def nfc(context: click.Context) -> None:
    """The reader process: cards and phones become taps."""
    if context.invoked_subcommand is None:
        sys.exit(main(_run))


@nfc.command("list")
def list_readers() -> None:
    """Show what is plugged in that could be a reader, or a light or beeper beside one."""
    sys.exit(main(_list))


@nfc.command("write")
@click.option("--url", help="the room's address; without it, the one the cloud signed for this room")
@click.option("--reader", help="the reader to write with; without it, checkin.reader")
@click.option("--lock", is_flag=True, help="make the sticker read-only, for ever")
@click.option("--sun", is_flag=True, help="instead make a listener's card sign: an NTAG 424 DNA as from the shop")
def write(url: str | None, reader: str | None, lock: bool, sun: bool) -> None:
    """Write the room's address on a sticker (NTAG213, 215 or 216), and read it back."""
    if sun and (url or lock):
        raise click.UsageError(
            "--sun takes neither --url nor --lock: what such a card says is given, and its own keys guard it"
        )
    sys.exit(main(_write_signer, reader) if sun else main(_write, url, reader, lock))


@nfc.command("sheet")
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--url", help="the room's address; without it, the one the cloud signed for this room")
@click.option("--language", help="en, de, fr or es; without it, the box's own")
@click.option("--sticker", is_flag=True, help="with a ring to put a sticker into")
def sheet(out: Path, url: str | None, language: str | None, sticker: bool) -> None:
    """Make a sheet to print, with the room's address as a QR: OUT is a .pdf or a .png."""
    sys.exit(main(_sheet, out, url, language, sticker))


@nfc.command("sun")
@click.argument("uid", metavar="UID_HEX")
def sun(uid: str) -> None:
    """Show what to programme into the NTAG 424 DNA with this number, so that it signs. Secrets are among it."""
    sys.exit(main(_sun, uid))


@nfc.command("forget")
def forget() -> None:
    """Forget whoever taps next: everything that tells of them goes, here and in the cloud."""
    sys.exit(main(_forget))


@nfc.command("merge")
def merge() -> None:
    """Two cards are one person's: whoever taps first stays, and what the second card's has becomes theirs."""
    sys.exit(main(_merge))


@nfc.command("link")
@click.argument("code", required=False)
def link(code: str | None) -> None:
    """Move the history of whoever taps next to a web profile: by the six-digit CODE that its page shows, or
    without one by a QR to scan."""
    sys.exit(main(_link, code))


@click.command()
@click.argument("uid", default=DEMO_CARD.hex(), metavar="[UID_HEX]")
def tap(uid: str) -> None:
    """Tap in (or out) without a reader, as the card with this number."""
    sys.exit(main(_tap, uid))


def _run() -> None:
    set_up_logging()
    config = load_config()
    lamps, readers_show = lamps_of(config.checkin_feedback)
    name_process("nfc")
    with only_one("nfc", config.box_data_dir):
        store = open_store(config.box_data_dir, config.box_runtime_dir, "nfc")
        try:
            _serve(
                Agent(
                    store,
                    Runtime(config.box_runtime_dir),
                    Keyring.of(config),
                    drivers_of(config),
                    closing_s=partial(_closing_s, config),
                    cloud_url=config.cloud_url,
                    lamps=Lamps(lamps),
                    readers_show=readers_show,
                )
            )
        finally:
            store.close()


def _list() -> None:
    found = detect.candidates()
    for one in [*found, *detect.lamps()]:
        click.echo(f"{one.setting}  ({one.what})" + (f": {one.why_not}" if one.why_not else ""))
    if not found:
        click.echo("nothing plugged in looks like a reader; `cosound tap` works without one")
    thieves = detect.thieves()
    if thieves:
        click.echo(f"the kernel has loaded what takes USB readers: {detect.give_back(thieves)}")
    click.echo(f"checkin.reader is {load_config().checkin_reader}")


def _write(url: str | None, reader: str | None, lock: bool) -> None:
    config = load_config()
    with _store(config, "write") as store:
        address = room_address(url, config, store)
    ask = partial(click.echo, "Hold a sticker to the reader …")
    kind = desk.write_sticker(reader or _first_reader(config), address, ask, lock=lock)
    click.echo(f"{kind}: {'written, read back and locked' if lock else 'written and read back'}")


def _write_signer(reader: str | None) -> None:
    config = load_config()
    keys, base = _signing(config)
    ask = partial(click.echo, "Hold an NTAG 424 DNA to the reader, and still for two seconds …")
    desk.write_signer(reader or _first_reader(config), keys, base, ask)
    click.echo(f"it signs, under version {keys.version} of the keys: hand it out")


def _first_reader(config: Config) -> str:
    return config.checkin_reader.split(",")[0].strip()


def _sheet(out: Path, url: str | None, language: str | None, sticker: bool) -> None:
    config = load_config()
    with _store(config, "sheet") as store:
        address = room_address(url, config, store)
    write_sheet(out, address, language=language or config.box_language, sticker=sticker)
    click.echo(f"{out} says {address}")


def _sun(uid: str) -> None:
    config = load_config()
    number = parse_uid(uid)
    if len(number) != UID_BYTES:
        raise InputError(f"a card that signs has a number of {UID_BYTES} bytes, not {len(number)}")
    click.echo("\n".join(programme(*_signing(config), number)))


def _signing(config: Config) -> tuple[SunKeys, str]:
    """The keys in use, and the address that cards are given. Raises InputError without."""
    keys = Keyring.of(config).sun_keys
    if not keys or not config.cloud_url:
        raise InputError("cloud.url and checkin.sun_keys must be set to make a card sign (docs/reader.md)")
    return keys[0], config.cloud_url.rstrip("/")


def _forget() -> None:
    config = load_config()
    with _store(config, "forget") as store:
        listener = _next_listener(config, store)
        click.echo(f"{listener.display_name} is forgotten. Receipt: {desk.forget(store, listener)}")


def _merge() -> None:
    config = load_config()
    with _store(config, "merge") as store:
        stays = _next_listener(config, store)
        click.echo(f"{stays.display_name} stays. Now the other card …")
        goes = _next_listener(config, store)
        desk.merge(store, stays, goes)
        click.echo(f"{goes.display_name} is {stays.display_name} from now on, with both cards.")


def _link(code: str | None) -> None:
    config = load_config()
    if code is not None:
        checked_code(code)
    with _store(config, "link") as store:
        listener = _next_listener(config, store)
        if code is not None:
            desk.link(store, listener, code)
            click.echo(f"The cloud is asked to move what {listener.display_name} liked to the profile of that code.")
            return
        address = handover.offer(store, config.cloud_url, listener.id)
        import segno

        segno.make(address, error="m", micro=False).terminal(compact=True)
        click.echo(f"{listener.display_name}: scan this within ten minutes; it works once.")


def _next_listener(config: Config, store: Store) -> Listener:
    return desk.next_listener(store, partial(_ask_for_a_card, config), desk.TAP_WITHIN_S)


def _ask_for_a_card(config: Config) -> None:
    """Nobody is sent to a reader that does not hear. Raises SetupError when the whole process does not."""
    readers = readers_now(Runtime(config.box_runtime_dir).read("reader"), SystemClock().boot_s())
    if not any(one.get("state") == "ready" for one in readers):
        raise SetupError(SILENT)
    for one in readers:
        if one.get("state") != "ready":
            click.echo(f"reader {one.get('where')} is {one.get('state')}: {one.get('why')}")
    click.echo(f"Hold the card to the reader, within {desk.TAP_WITHIN_S:g} s …")


@contextmanager
def _store(config: Config, name: str) -> Iterator[Store]:
    store = open_store(config.box_data_dir, config.box_runtime_dir, f"{name}.{os.getpid()}")
    try:
        yield store
    finally:
        store.close()


def _serve(agent: Agent) -> None:
    def step() -> None:
        agent.step()

    stop = Stop(agent.wake).on_signals()
    gc.freeze()  # what the imports made stays to the end: to go through it once more there takes half of the stop
    agent.start()
    try:
        run("nfc", step, stop)
    finally:
        agent.stop()


def _closing_s(config: Config) -> float | None:
    clock = SystemClock()
    return closing_s(config.room_closes, boot_s=clock.boot_s(), wall_s=clock.wall_s())


def _tap(uid: str) -> None:
    number = parse_uid(uid)
    config = load_config()
    tap_id = send_tap(config.box_runtime_dir, number)
    result = _committed(config, tap_id)
    if result is None:
        raise TransientError(f"the tap was sent but not stored within {RESULT_WITHIN_S:g} s; see `cosound status`")
    click.echo(say(result))


def _committed(config: Config, tap_id: str) -> TapResult | None:
    """What the reader process stored for this tap, None when it did not in time."""
    deadline_s = time.monotonic() + RESULT_WITHIN_S
    with _store(config, "tap") as store:
        while (result := store.people.tap_result(tap_id)) is None and time.monotonic() < deadline_s:
            store.wait(deadline_s - time.monotonic())
        return result
