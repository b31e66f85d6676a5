"""Stores that live in memory: fakes for tests, and `storage.mentions: memory`."""

from storage.mentions.memory import MemoryMentions

__all__ = ["MemoryMentions"]
