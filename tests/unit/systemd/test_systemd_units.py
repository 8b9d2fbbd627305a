"""The units promise a box that is never silent, never root, and shows little of itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.config import KEYS, load_config
from benchmarks.wear import Kernel, as_installed
from checkin.detect import THIEVES, USB_READERS

ROOM = Path(__file__).parents[3] / "systemd"
BINARY = "/opt/cosound/.venv/bin/cosound"
SERVICES = ("player", "sync", "nfc", "ui")
EXPOSURE = {"player": 0.6, "nfc": 0.9, "sync": 1.1, "ui": 1.1}
COMMON = ROOM / "cosound-.service.d" / "10-common.conf"

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="no systemd-analyze here: sudo apt-get install -y --no-install-recommends systemd",
)

Unit = dict[str, list[str]]


def read_unit(*files: Path) -> Unit:
    """`Section.Key` → its values in order, as systemd reads a unit and its drop-ins."""
    unit: Unit = {}
    for file in files:
        section = ""
        for line in file.read_text().splitlines():
            if line.startswith("["):
                section = line.strip("[]")
            elif line and not line.startswith("#"):
                key, _, value = line.partition("=")
                unit.setdefault(f"{section}.{key}", []).append(value)
    return unit


def service(name: str) -> Unit:
    return read_unit(ROOM / f"cosound-{name}.service", COMMON)


@pytest.fixture(params=SERVICES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_each_starts_its_own_command(name: str) -> None:
    assert service(name)["Service.ExecStart"] == [f"{BINARY} {name}"]


def test_systemd_never_gives_up(name: str) -> None:
    unit = service(name)
    assert unit["Service.Restart"] == ["always"]
    assert unit["Unit.StartLimitIntervalSec"] == ["0"]
    assert "Service.RestartSec" in unit


def test_each_is_watched(name: str) -> None:
    unit = service(name)
    assert unit["Service.Type"] == ["notify"]
    assert int(unit["Service.WatchdogSec"][0]) > 0


def test_a_hung_player_is_replaced_within_seconds() -> None:
    assert int(service("player")["Service.WatchdogSec"][0]) <= 5
    assert service("player")["Service.RestartSec"] == ["500ms"]


def test_one_user_and_never_root(name: str) -> None:
    unit = service(name)
    assert unit["Service.User"] == unit["Service.Group"] == ["cosound"]
    assert unit["Service.StateDirectory"] == ["cosound"]
    assert unit["Service.NoNewPrivileges"] == ["yes"]
    assert unit["Service.CapabilityBoundingSet"] == [""]


def test_the_runtime_directory_outlives_every_unit(name: str) -> None:
    assert "Service.RuntimeDirectory" not in service(name)
    made = (ROOM / "tmpfiles.d/cosound.conf").read_text().split()
    assert {"/run/cosound", "/run/cosound/bell"} <= set(made)


def test_directories_are_where_the_configuration_expects_them(name: str) -> None:
    config = load_config({}, Path("/nonexistent"))
    unit = service(name)
    assert str(config.box_data_dir) == f"/var/lib/{unit['Service.StateDirectory'][0]}"
    assert unit["Service.ReadWritePaths"] == [str(config.box_runtime_dir)]


def test_the_boot_id_is_handed_in(name: str) -> None:
    assert "COSOUND_BOOT_ID=%b" in service(name)["Service.Environment"][0].split()


def test_nothing_is_both_writable_and_executable(name: str) -> None:
    assert service(name)["Service.MemoryDenyWriteExecute"] == ["yes"]


def test_the_player_has_no_network_and_waits_for_none_of_us() -> None:
    unit = service("player")
    assert unit["Service.PrivateNetwork"] == ["yes"]
    assert unit["Service.RestrictAddressFamilies"] == ["AF_UNIX"]
    ordering = " ".join(value for key in ("After", "Requires", "Wants") for value in unit.get(f"Unit.{key}", []))
    assert "network" not in ordering
    assert "cosound" not in ordering
    assert "Service.LoadCredential" not in unit


def test_nobody_waits_for_the_network_to_be_there(name: str) -> None:
    ordering = [value for key, values in service(name).items() if key.startswith("Unit.") for value in values]
    assert not any("network-online" in value for value in ordering)


def test_only_sync_reaches_beyond_this_box() -> None:
    for name in ("player", "nfc", "ui"):
        assert service(name)["Service.IPAddressDeny"] == ["any"]
    assert service("ui")["Service.IPAddressAllow"] == ["localhost"]


def test_secrets_come_by_credential_and_may_be_missing() -> None:
    """A bare name is looked up in /etc/credstore and may be absent; with a path the unit would not start."""
    asked = dict(value.split(":") for name in SERVICES for value in service(name).get("Service.LoadCredential", []))
    assert set(asked) == {key.credential for key in KEYS if key.credential}
    assert all("/" not in file and file == f"cosound.{secret}" for secret, file in asked.items())


def test_the_target_brings_them_all() -> None:
    target = read_unit(ROOM / "cosound.target")
    assert set(target["Install.Also"][0].split()) == {f"cosound-{name}.service" for name in SERVICES}
    assert target["Install.WantedBy"] == ["multi-user.target"]
    for name in SERVICES:
        assert service(name)["Install.WantedBy"] == ["cosound.target"]
        assert service(name)["Unit.PartOf"] == ["cosound.target"]


def test_a_drop_in_and_its_units_never_contradict_each_other(name: str) -> None:
    """A drop-in wins: what it sets, a unit must not set too."""
    assert not set(read_unit(COMMON)) & set(read_unit(ROOM / f"cosound-{name}.service"))


def test_the_user_is_made() -> None:
    assert re.search(r"^u cosound ", (ROOM / "sysusers.d/cosound.conf").read_text(), re.M)


def test_the_log_stays_off_the_card() -> None:
    assert read_unit(ROOM / "journald.conf.d/cosound.conf")["Journal.Storage"] == ["volatile"]


def test_the_kernel_spares_the_card_as_the_measurement_of_its_wear_assumes() -> None:
    """Ten minutes for pages, as for the journal, and a download must not pile up for so long."""
    settings = read_unit(ROOM / "sysctl.d/cosound.conf")
    assert as_installed() == Kernel(commit_s=600, expire_s=600)
    assert 0 < int(settings[".vm.dirty_background_bytes "][0]) <= 32 << 20
    assert "noatime,commit=600" in (ROOM.parent / "docs" / "installer.md").read_text()


def test_every_usb_reader_we_know_may_be_opened() -> None:
    rules = (ROOM / "udev/70-cosound.rules").read_text()
    found = re.findall(r'ATTR\{idVendor\}=="(\w+)", ATTR\{idProduct\}=="(\w+)", GROUP="plugdev", MODE="0660"', rules)
    assert {":".join(ids) for ids in found} == set(USB_READERS)


def test_kernel_drivers_that_steal_readers_are_kept_away() -> None:
    lines = (ROOM / "modprobe.d/cosound.conf").read_text().splitlines()
    assert {line.split()[1] for line in lines if line.startswith("blacklist ")} == set(THIEVES)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units with a program that exists: systemd complains of a missing one, and ours is installed elsewhere."""
    folder = tmp_path_factory.mktemp("units")
    for source in [*ROOM.glob("cosound*.service"), ROOM / "cosound.target", COMMON]:
        target = folder / source.relative_to(ROOM)
        target.parent.mkdir(exist_ok=True)
        target.write_text(source.read_text().replace(BINARY, "/bin/true"))
    return folder


def analyze(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "SYSTEMD_UNIT_PATH": f"{folder}:", "SYSTEMD_COLORS": "0"}
    return subprocess.run(
        ["systemd-analyze", *words], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=60
    )


@needs_systemd
def test_systemd_has_nothing_to_say_about_them(rendered: Path) -> None:
    units = sorted(path.name for path in rendered.iterdir() if path.is_file())
    assert len(units) == 5
    done = analyze(rendered, "verify", *(f"./{unit}" for unit in units))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
def test_exposure(rendered: Path, name: str) -> None:
    done = analyze(
        rendered, "security", "--offline=true", "--no-pager",
        f"--threshold={round(EXPOSURE[name] * 10)}", f"./cosound-{name}.service",
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-400:]


@needs_systemd
def test_the_gate_can_fail(rendered: Path) -> None:
    done = analyze(rendered, "security", "--offline=true", "--no-pager", "--threshold=3", "./cosound-sync.service")
    assert done.returncode != 0
