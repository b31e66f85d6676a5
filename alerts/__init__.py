"""Detection, incidents, routing and delivery."""
