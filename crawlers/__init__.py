"""Collection: transports, platforms, schedule and source health."""
