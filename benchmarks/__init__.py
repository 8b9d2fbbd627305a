"""How fast, how small, against whom: one command, one row a number."""
