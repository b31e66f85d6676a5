"""Hostile input at every door: nothing crashes, nothing reaches inside, nothing goes out unescaped."""
