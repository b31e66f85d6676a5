"""The state database: what must survive a restart, except the mentions."""
