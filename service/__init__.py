"""The command line, the wiring and the running roles."""
