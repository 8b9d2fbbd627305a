"""The reader: a card or a phone becomes a tap, and a tap a check-in."""
