"""The import names: `nfc` is nfcpy's, ours is `checkin`."""

from __future__ import annotations

import importlib
import importlib.metadata
from pathlib import Path

import pytest

ROOM = Path(__file__).parents[3] / "nfc"


def test_nfc_is_nfcpy() -> None:
    nfc = importlib.import_module("nfc")
    assert nfc.__file__ is not None, "the folder nfc/ answered the import: is nfcpy installed?"
    assert "site-packages" in nfc.__file__
    assert nfc.__version__ == importlib.metadata.version("nfcpy")
    assert hasattr(nfc, "ContactlessFrontend")


def test_our_folder_is_no_package_and_shadows_nothing() -> None:
    assert not (ROOM / "__init__.py").exists()
    for name in ("nfc", "serial", "ndef", "usb1"):
        assert not (ROOM / name).exists()
        assert not (ROOM / f"{name}.py").exists()


def test_checkin_is_ours_and_not_reachable_through_nfc() -> None:
    checkin = importlib.import_module("checkin")
    assert Path(str(checkin.__file__)).parent == ROOM / "checkin"
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("nfc.checkin")
