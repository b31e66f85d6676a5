"""State database and mention stores."""

from storage.mentions.store import MentionStore, open_mentions
from storage.state.store import State, open_state

__all__ = ["MentionStore", "State", "open_mentions", "open_state"]
