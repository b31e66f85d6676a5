"""Places in a list of results, newest first."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta

from domain.mention import Mention
from storage.errors import StoreError

__all__ = ["EPOCH", "Place", "ceil_ms", "from_ms", "place_of", "read_cursor", "to_ms", "write_cursor"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)

Place = tuple[int, str]
"""Event time in milliseconds since 1970 and id; lists go down."""


def to_ms(moment: datetime) -> int:
    """Return whole milliseconds since 1970, rounded down."""
    return (moment - EPOCH) // _MS


def ceil_ms(moment: datetime) -> int:
    """Return whole milliseconds since 1970, rounded up: no stored moment lies in between."""
    return -((EPOCH - moment) // _MS)


def from_ms(ms: int) -> datetime:
    """Return the moment, UTC."""
    return EPOCH + ms * _MS


def place_of(mention: Mention) -> Place:
    """Return where a stored mention stands."""
    return to_ms(mention.event_at), mention.id


def write_cursor(place: Place) -> str:
    """Return an opaque text for a place."""
    return urlsafe_b64encode(f"{place[0]}\n{place[1]}".encode()).decode()


def read_cursor(cursor: str) -> Place:
    """Return the place of a cursor.

    Raises:
        StoreError: the text was not made by `write_cursor`.
    """
    try:
        event_ms, _, id = urlsafe_b64decode(cursor.encode()).decode().partition("\n")
        return int(event_ms), id
    except (ValueError, binascii.Error) as err:
        raise StoreError(f"no cursor of this store: {cursor[:40]!r}") from err
