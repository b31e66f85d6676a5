"""Whose a post is: ours, a rival's, or that of an account on the watch list."""

import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from config.settings import AccountSettings
from domain.account import ACCOUNT, BRAND, ROLE, SPEAKS_FOR
from domain.mention import Flag, Mention, Post

__all__ = ["AccountTable"]

_NAME_IS_ID = frozenset({"reddit", "v2ex", "hackernews"})
"""Platforms on which people are known by the name that pages print."""


class AccountTable:
    """Tells whose a post is.

    By the id of its author; by name only where the road prints no id, or the platform knows people by
    name: elsewhere anybody may call himself like us.
    """

    def __init__(self, accounts: Sequence[AccountSettings] = (), brands: Sequence[str] = ()) -> None:
        """Build the table.

        Args:
            accounts: The accounts; of two with one id or name the first counts.
            brands: Ids of all brands, for accounts that name none.
        """
        self._by_id: dict[tuple[str, str], AccountSettings] = {}
        self._by_name: dict[tuple[str, str], AccountSettings] = {}
        self._brands = tuple(brands)
        for account in accounts:
            self._by_id.setdefault((account.platform, _id_key(account.id)), account)
            if account.name and _name_key(account.name):
                self._by_name.setdefault((account.platform, _name_key(account.name)), account)

    def of(self, post: Post) -> AccountSettings | None:
        """Return the account that wrote a post; None = none of the settings."""
        if not self._by_id:
            return None
        author = post.author
        if author.id and (found := self._by_id.get((post.platform, _id_key(author.id)))):
            return found
        if not author.name:
            return None
        if post.platform in _NAME_IS_ID and (found := self._by_id.get((post.platform, _id_key(author.name)))):
            return found
        return None if author.id else self._by_name.get((post.platform, _name_key(author.name)))

    def brands_of(self, account: AccountSettings) -> tuple[str, ...]:
        """Return the ids of the brands that an account speaks for, or whose its posts are."""
        return (account.brand,) if account.brand else self._brands

    def mark(self, mention: Mention) -> Mention:
        """Return a mention with what is known of its author: ours is flagged, a watched one counts for its brands."""
        account = self.of(mention.post)
        if account is None:
            return mention
        facts: list[tuple[str, str]] = [(ROLE, account.role)]
        if account.role != "watch":  # on a watch list stand people, who may be kept under a pseudonym
            facts.append((ACCOUNT, account.id))
        if account.role == "competitor" and account.brand:
            facts.append((SPEAKS_FOR, account.brand))
        if account.role == "watch":
            facts += [(BRAND, brand) for brand in self.brands_of(account)]
        post = replace(mention.post, extra=tuple(dict.fromkeys((*mention.post.extra, *facts))))
        flags = mention.flags | {Flag.OWNED} if account.role == "owned" else mention.flags
        return replace(mention, post=post, flags=flags)


def _id_key(text: str) -> str:
    return text.strip().removeprefix("/").removeprefix("u/").removeprefix("org/").removeprefix("@").casefold()


def _name_key(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().removeprefix("@").casefold()
