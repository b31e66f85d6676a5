"""Detection, incidents, routing, outbox and notifiers."""
