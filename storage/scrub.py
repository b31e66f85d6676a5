"""Takes one author's name and words out of what others wrote and of what the product noted."""

import json
import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import quote

from domain.mention import Mention, Post, RepostOf

__all__ = ["BLANK", "PLAIN_CHARS", "Erased", "scrub_mention", "scrub_plain", "scrub_text"]

BLANK = "***"
"""What stands where a name stood."""
PLAIN_CHARS = 4
"""A shorter name may be a common word: in the texts of others it is taken out only after an @."""
_STAFF = frozenset(
    {"acked_by", "action", "answer_code", "brand", "by", "channel", "fingerprint", "id", "incident", "kind", "matcher"}
) | {"receiver", "rule", "severity", "source", "state", "subject", "target"}
"""Keys of records whose values are ours or our staff's, whatever an author calls himself."""


@dataclass(frozen=True)
class Erased:
    """Whom to forget, and by what he can be recognised."""

    platform: str
    """His platform; the same name elsewhere is somebody else."""
    names: frozenset[str]
    """Names he was shown under."""
    ids: frozenset[str] = frozenset()
    """Store ids of what he wrote."""
    urls: frozenset[str] = frozenset()
    """Links to what he wrote."""

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Names as they may stand in stored JSON, longest first."""
        return tuple(sorted(self.names, key=lambda name: (-len(name), name)))

    @cached_property
    def _chain(self) -> re.Pattern[str]:
        named = "|".join(map(re.escape, self.words))
        return re.compile(rf"//\s*[@＠](?:{named})\s*[:：].*?(?=//\s*[@＠]|$)", re.DOTALL)

    @cached_property
    def _called(self) -> re.Pattern[str]:
        return re.compile(rf"(?<=[@＠])(?:{'|'.join(map(re.escape, self.words))})(?![\w-])")

    @cached_property
    def _linked(self) -> re.Pattern[str]:
        longest_first = sorted(self.urls, key=lambda url: (-len(url), url))
        return re.compile(rf"(?:{'|'.join(map(re.escape, longest_first))})(?![\w/?#&=%-])")

    def without_links(self, text: str) -> str:
        """Return text without links to what he wrote; a link alone, whose key tells what it is, stays."""
        if "://" not in text or not self.urls or text in self.urls:
            return text
        return self._linked.sub(BLANK, text)

    def without_calls(self, text: str) -> str:
        """Return text without what he says in a chain of reposts and without his name after an @."""
        return self._called.sub(BLANK, self._chain.sub(f"//@{BLANK}", text))


def scrub_text(text: str, who: Erased, *, least_chars: int = PLAIN_CHARS) -> str:
    """Return text of others without the author's name; names shorter than `least_chars` only after an @."""
    if not who.names or not any(name in text for name in who.words):
        return text
    text = who.without_calls(text)
    for name in who.words:
        if len(name) >= least_chars:
            text = text.replace(name, BLANK)
    return text


def scrub_mention(mention: Mention, who: Erased) -> Mention:
    """Return somebody else's mention without the author: his name, and his words where it embeds them.

    The same object if there is nothing of him in it.
    """
    if mention.post.platform != who.platform:
        return mention
    post = _scrub_post(mention.post, who)
    tags = mention.tags
    if tags is not None and any(name in word for word in tags.keywords for name in who.words):
        keywords = tuple(word for word in tags.keywords if not any(name in word for name in who.words))
        tags = replace(tags, keywords=keywords)
    return mention if post == mention.post and tags is mention.tags else replace(mention, post=post, tags=tags)


def _scrub_post(post: Post, who: Erased) -> Post:
    origin, text, own = post.repost_of, post.text, post.own_text
    if origin is not None and origin.author in who.names:
        if origin.text:
            text = text.replace(origin.text, BLANK)
        origin = RepostOf()
    elif origin is not None and origin.text:
        origin = replace(origin, text=scrub_text(origin.text, who))
    return replace(
        post,
        text=scrub_text(text, who),
        title=scrub_text(post.title, who) if post.title else post.title,
        own_text=scrub_text(own, who) if own else own,
        outlet=None if post.outlet in who.names else post.outlet,
        repost_of=origin,
        at_users=tuple(name for name in post.at_users if name not in who.names),
        tags=tuple(scrub_text(tag, who) for tag in post.tags),
        links=tuple(link for link in post.links if not _leads_to(link, who)),
        extra=tuple((key, scrub_text(BLANK if value in who.names else value, who)) for key, value in post.extra),
    )


def _leads_to(link: str, who: Erased) -> bool:
    return link in who.urls or any(name in link or quote(name) in link for name in who.words)


def scrub_plain(value: Any, who: Erased, key: str = "") -> Any:
    """Return a record of ours as JSON-ready value without the author's name and without quotes of his posts.

    JSON inside of text is scrubbed as JSON. Names of one character are only taken out where they stand alone.
    """
    if isinstance(value, dict):
        return _scrub_object({name: scrub_plain(part, who, name) for name, part in value.items()}, value, who)
    if isinstance(value, list):
        return [scrub_plain(part, who, key) for part in value]
    if not isinstance(value, str) or key in _STAFF:
        return value
    if value.startswith(("{", "[")):
        try:
            return json.dumps(scrub_plain(json.loads(value), who, key), ensure_ascii=False, separators=(",", ":"))
        except ValueError:
            pass
    return BLANK if value in who.names else scrub_text(who.without_links(value), who, least_chars=2)


def _scrub_object(scrubbed: dict[str, Any], before: dict[str, Any], who: Erased) -> dict[str, Any]:
    """Take his words out of a report, where it quotes a post of his."""
    if before.get("url") in who.urls or before.get("id") in who.ids:
        scrubbed |= {
            name: blank for name, blank in (("quote", BLANK), ("outlet", None), ("url", None)) if name in before
        }
    if before.get("quote_url") in who.urls:
        blank = (("quote", BLANK), ("quote_url", None), ("first_publisher", None))
        scrubbed |= {name: value for name, value in blank if name in before}
    return scrubbed
