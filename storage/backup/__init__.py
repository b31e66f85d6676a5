"""Copies of both stores that belong together, and the way back."""
