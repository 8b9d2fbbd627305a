"""The box: what it knows, its four processes, and the faces it shows."""
