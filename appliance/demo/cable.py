"""The cable to the cloud: pulled out and put back at set times, the hard way (kill -9, no goodbye)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from appliance.demo.children import Children
from appliance.demo.cloud_view import CloudView
from appliance.demo.voice import say


@dataclass(slots=True)
class Cable:
    """`state`: in → out → mending (the cloud is starting) → mended. Without `out_at_s` it stays in."""

    children: Children
    view: CloudView
    out_at_s: float | None
    out_for_s: float
    state: Literal["in", "out", "mending", "mended"] = "in"
    back_at_s: float | None = None

    @property
    def carries(self) -> bool:
        return self.state in ("in", "mended")

    @property
    def owed(self) -> bool:
        """A cut was asked for and the cloud is not back yet."""
        return self.out_at_s is not None and self.state != "mended"

    def mind(self, elapsed_s: float) -> None:
        """Pull or mend when it is time."""
        if self.out_at_s is None:
            return
        if self.state == "in" and elapsed_s >= self.out_at_s:
            say("— The cable is out: no cloud from here on —")
            self.children.hold_down("cloud")
            self.state = "out"
        elif self.state == "out" and elapsed_s >= self.out_at_s + self.out_for_s:
            self.children.let_up("cloud")
            self.state = "mending"
        elif self.state == "mending" and self.view.healthy():
            say("— The cloud is back —")
            self.back_at_s = elapsed_s
            self.state = "mended"
