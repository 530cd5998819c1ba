"""Studies of several runs: planned, estimated, run, compared."""
