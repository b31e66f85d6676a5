"""The demo: an invented world on this machine, heard by the real service."""
