"""The command line, the wiring, the supervisor and the roles."""
