"""The HTTP surface, one module per kind of caller. Routes ask repositories and services; they hold no rules."""
