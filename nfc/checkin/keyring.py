"""The secrets by which cards are told apart, in their versions, and a card's names under them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from appliance.config import Config
from appliance.errors import ConfigError
from appliance.model import CardKey
from checkin import sun, tokens
from checkin.pepper import kept_pepper, pepper_of

KEPT_VERSION = 0  # the box's own pepper, from before the organisation's came


@dataclass(frozen=True, slots=True)
class Keyring:
    """peppers: (version, secret), the one in use first; the others still know their cards. sun: likewise."""

    peppers: tuple[tuple[int, bytes], ...] = field(repr=False)
    sun_keys: tuple[sun.SunKeys, ...] = ()

    @classmethod
    def of(cls, config: Config) -> Keyring:
        """What the configuration names, and behind it the box's own. Raises ConfigError, SetupError."""
        own = kept_pepper(config.box_data_dir) if config.peppers else pepper_of(config.box_data_dir)
        version = KEPT_VERSION if config.peppers else tokens.KEY_VERSION
        try:
            signing = sun.parse_keys(config.checkin_sun_keys)
        except ValueError as error:
            raise ConfigError(f"checkin.sun_keys {error}") from None
        return cls((*config.peppers, *(((version, own),) if own else ())), signing)

    def of_number(self, tech: str, uid: bytes) -> list[CardKey]:
        """A card known by its number."""
        return [CardKey(tokens.key_hash(pepper, tech, uid), version) for version, pepper in self.peppers]

    def of_signer(self, uid: bytes) -> list[CardKey]:
        """A card that signs what it says."""
        return [CardKey(keys.key_hash(uid), keys.version) for keys in self.sun_keys]

    def signs_cards(self) -> Iterable[bytes]:
        """The keys under which listeners' cards have been written."""
        return [tokens.key_for(pepper, "card") for _, pepper in self.peppers]
