"""What `cosound cloud check` says of one thing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `says` is what is there, or what is wrong and how to mend it."""

    what: str
    ok: bool
    says: str

    def __str__(self) -> str:
        return f"{'ok ' if self.ok else 'FIX'}  {self.what}: {self.says}"
