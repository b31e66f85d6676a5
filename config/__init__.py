"""Settings: schema, loader, packaged defaults and the starter file."""
