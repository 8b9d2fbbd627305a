"""One module per table group: the only SQL of the server, each function given its transaction."""
