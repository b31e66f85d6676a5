"""Protocols that several packages call; storage satisfies them by structure.

Every method is synchronous and may block on I/O: an event loop calls it in a thread.
Implementations raise only errors below `storage.errors.StoreError`, whose `retryable`
says whether the same call may succeed later.
"""

from domain.ports.desk import Desk, DeskChange, Fence, RoleLease
from domain.ports.inbox import AppendResult, Change, Inbox, InboxKind, InboxRow, StoryIndex, StoryItem, StoryLink
from domain.ports.mentions import CountSource, MentionSearch, MentionWriter, Page, PutResult
from domain.ports.sources import (
    AccountReadings,
    BackfillStore,
    CredentialStore,
    RefreshStore,
    SitePace,
    TrendBook,
    VisitStore,
)

__all__ = [
    "AccountReadings",
    "AppendResult",
    "BackfillStore",
    "Change",
    "CountSource",
    "CredentialStore",
    "Desk",
    "DeskChange",
    "Fence",
    "Inbox",
    "InboxKind",
    "InboxRow",
    "MentionSearch",
    "MentionWriter",
    "Page",
    "PutResult",
    "RefreshStore",
    "RoleLease",
    "SitePace",
    "StoryIndex",
    "StoryItem",
    "StoryLink",
    "TrendBook",
    "VisitStore",
]
