"""What every mention store offers, and how one is opened."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from config.settings import StorageSettings
from domain.mention import Mention
from domain.ports import CountSource, MentionSearch, MentionWriter
from storage.errors import StoreError
from storage.mentions.memory import MemoryMentions
from storage.mentions.sqlite import SqliteMentions

__all__ = ["MentionStore", "open_mentions"]


class MentionStore(MentionWriter, MentionSearch, CountSource, Protocol):
    """A whole mention store; safe to use from several threads."""

    def holding(self, platform: str, words: Sequence[str]) -> Iterator[Mention]:
        """Yield a platform's mentions that hold one of the words anywhere, in no order; none for no words."""
        ...

    def compact(self) -> None:
        """Let go for good of what was deleted, as far as the engine allows.

        Raises:
            StoreError: others use the store too long; retryable.
        """
        ...

    def close(self) -> None:
        """Give back files and connections; the object is of no use afterwards."""
        ...


def open_mentions(kind: str, data_dir: Path, settings: StorageSettings | None = None) -> MentionStore:
    """Open a mention store, creating it if needed.

    Args:
        kind: `memory` (lost at the end of the process), `sqlite` (`mentions.db`) or
            `elasticsearch`.
        data_dir: folder for files; made with mode 0700 if missing.
        settings: address, login and form of Elasticsearch; the others need none.

    Raises:
        SchemaError: a newer program wrote it.
        StoreError: unknown kind, or it cannot be opened; retryable if the cluster is away.
    """
    if kind == "memory":
        return MemoryMentions()
    if kind == "sqlite":
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return SqliteMentions(data_dir / "mentions.db")
    if kind == "elasticsearch":
        from storage.mentions.elastic.client import settings_of
        from storage.mentions.elastic.store import ElasticMentions

        return ElasticMentions(settings_of(settings or StorageSettings()))
    raise StoreError(f"storage.mentions: no store of kind {kind!r}; write sqlite, elasticsearch or memory")
