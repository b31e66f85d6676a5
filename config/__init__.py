"""Settings: schema, loader, packaged defaults, starter file."""
