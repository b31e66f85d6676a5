"""Accounts of ours and of rivals: their figures by day, and who still waits for an answer from us."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from domain.mention import Flag, Kind, Mention, Post
from domain.moment import SHANGHAI

__all__ = [
    "ACCOUNT",
    "BRAND",
    "FIGURES",
    "ROLE",
    "SPEAKS_FOR",
    "UNDER_OWN",
    "UNDER_POST",
    "AccountReading",
    "Waiting",
    "day_of",
    "is_ours",
    "joined",
    "told",
    "waiting",
]

ACCOUNT = "account"
"""Name in a post's extra: id of the own or rival account that wrote it, as the settings have it."""
ROLE = "account_role"
"""Name in a post's extra: owned, competitor or watch."""
SPEAKS_FOR = "speaks_for"
"""Name in a post's extra: id of the brand whose own voice a rival's account is."""
BRAND = "brand"
"""Name in a post's extra: id of a brand that it counts for, whether it names it or not; may stand several times."""
UNDER_OWN = "under_own"
"""Name in a comment's extra: id of the account of ours under whose post it stands."""
UNDER_POST = "under_post"
"""Name in a comment's extra: native id of that post."""

FIGURES = ("followers", "posts", "views", "likes", "comments", "shares", "interacted")
"""Names of the figures of a reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountReading:
    """What an account had on one day."""

    platform: str
    """Platform of the account, such as weibo."""
    account: str
    """Its id, as the settings have it."""
    day: str
    """Calendar day of Asia/Shanghai, YYYY-MM-DD."""
    at: datetime
    """When it was read last, UTC."""
    followers: int | None = None
    """Followers at the end of the day, or when last read; None = not known."""
    posts: int | None = None
    """Posts published on that day; None = not known."""
    views: int | None = None
    """Views: of the posts of that day as last read, or as the platform's export counts them; None = not known."""
    likes: int | None = None
    """Likes, likewise; None = not known."""
    comments: int | None = None
    """Comments, likewise; None = not known."""
    shares: int | None = None
    """Shares or reposts, likewise; None = not known."""
    interacted: int | None = None
    """Interactions of all kinds as the platform itself adds them up; None = not told."""
    imported: bool = False
    """Some of it is from the platform's own export."""

    @property
    def interactions(self) -> int | None:
        """What the platform adds up, else likes, comments and shares together; None = none of them is known."""
        if self.interacted is not None:
            return self.interacted
        known = [each for each in (self.likes, self.comments, self.shares) if each is not None]
        return sum(known) if known else None


def day_of(moment: datetime) -> str:
    """Return the calendar day of Asia/Shanghai in which an aware moment lies, YYYY-MM-DD."""
    return moment.astimezone(SHANGHAI).date().isoformat()


def joined(old: AccountReading, new: AccountReading) -> AccountReading:
    """Return two readings of one account and day as one; a figure that the newer one lacks stays.

    What the platform's own export said is changed by another export only.
    """
    strong, weak = (old, new) if old.imported and not new.imported else (new, old)
    return replace(
        new,
        at=max(old.at, new.at),
        imported=old.imported or new.imported,
        followers=_either(strong.followers, weak.followers),
        posts=_either(strong.posts, weak.posts),
        views=_either(strong.views, weak.views),
        likes=_either(strong.likes, weak.likes),
        comments=_either(strong.comments, weak.comments),
        shares=_either(strong.shares, weak.shares),
        interacted=_either(strong.interacted, weak.interacted),
    )


def _either(first: int | None, second: int | None) -> int | None:
    return second if first is None else first


def told(post: Post, name: str) -> str | None:
    """Return the last value that a post's extra has under a name; None = it has none."""
    return dict(post.extra).get(name)


def is_ours(mention: Mention) -> bool:
    """Say whether an account of ours wrote it."""
    return Flag.OWNED in mention.flags and told(mention.post, ROLE) != "competitor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A thread of comments under a post of ours in which the last word is not ours."""

    account: str
    """Id of the account under whose post it stands; empty = not known."""
    since: datetime
    """Since when it waits: event time of the oldest unanswered comment, UTC."""
    comments: tuple[Mention, ...]
    """The unanswered comments, oldest first, at least one."""


def waiting(mentions: Iterable[Mention], now: datetime) -> tuple[Waiting, ...]:
    """Return the threads that wait for an answer, longest first.

    A thread is answered up to the last comment of ours in it. Where a platform keeps no threads, a
    comment of ours answers everyone under that post whom it names with @. Deleted comments do not wait.

    Args:
        mentions: Comments under posts of ours, those of our own accounts among them, in any order;
            anything else in it is passed over.
        now: Present moment, UTC; later comments are passed over.
    """
    shown = [each for each in mentions if each.post.kind is Kind.COMMENT and each.event_at <= now]
    standing = [each for each in shown if Flag.DELETED not in each.flags]
    by_id = {(each.post.platform, each.post.native_id): each for each in shown}
    threads: dict[tuple[str, str], list[Mention]] = {}
    for each in standing:
        threads.setdefault((each.post.platform, _thread(each, by_id)), []).append(each)
    ours = [each for each in standing if is_ours(each)]
    found = (_unanswered(comments, ours) for comments in threads.values())
    return tuple(sorted((each for each in found if each is not None), key=lambda each: each.since))


def _thread(mention: Mention, by_id: Mapping[tuple[str, str], Mention]) -> str:
    """Return the native id of the comment that a thread began with."""
    seen: set[str] = set()
    while True:
        post = mention.post
        ends = {None, post.native_id, told(post, UNDER_POST), *seen}
        above = next((each for each in (post.root_id, post.parent_id) if each not in ends), None)
        if above is None:
            return post.native_id
        if (post.platform, above) not in by_id:
            return above
        seen.add(post.native_id)
        mention = by_id[post.platform, above]


def _unanswered(thread: list[Mention], ours: list[Mention]) -> Waiting | None:
    answered_at = max((each.event_at for each in thread if is_ours(each)), default=None)
    left = [
        each
        for each in sorted(thread, key=lambda each: (each.event_at, each.id))
        if not is_ours(each)
        and (answered_at is None or each.event_at > answered_at)
        and not any(_names(answer, each) for answer in ours)
    ]
    if not left:
        return None
    return Waiting(account=told(left[0].post, UNDER_OWN) or "", since=left[0].event_at, comments=tuple(left))


def _names(answer: Mention, comment: Mention) -> bool:
    """Say whether a comment of ours answers another by name, under the same post."""
    name, place = comment.post.author.name, told(comment.post, UNDER_POST)
    return (
        name is not None
        and name in answer.post.at_users
        and answer.post.platform == comment.post.platform
        and place is not None
        and told(answer.post, UNDER_POST) == place
        and answer.event_at >= comment.event_at
    )
