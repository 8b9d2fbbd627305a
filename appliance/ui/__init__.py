"""The touchscreen: what the room sees, and the staff's hands on the mix."""
