"""What can go wrong with numbers and sounds. One line each: what, where, what to do.

MlError (ValueError)
├── VectorError    not five finite numbers
├── VoteError      not a whole number from 1 to 5
├── AudioError     no usable sound in what was given
└── ModelError     the tag model cannot be trained or read
"""

from __future__ import annotations


class MlError(ValueError):
    """A value this package was given cannot be used; the message says what would be."""


class VectorError(MlError):
    """Not a vector of five finite numbers (or a state made of such)."""


class VoteError(MlError):
    """Not a vote: a whole number from 1 (not for me) to 5 (love it)."""


class AudioError(MlError):
    """No usable sound: empty, not finite, unreadable, or an impossible sample rate."""


class ModelError(MlError):
    """The tag model cannot be trained on, read from or written to what was given."""
