"""What the farm plays: sources, what they publish over the day, and when which of them refuses how."""

import math
import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.moment import from_rfc3339

__all__ = [
    "BEFORE",
    "CRISIS",
    "LINES",
    "RESTART_H",
    "SPELLS",
    "START",
    "Line",
    "Post",
    "Published",
    "Spell",
    "published",
    "sites",
]

START = from_rfc3339("2026-06-19T16:00:00Z")
"""Midnight in Shanghai."""
BEFORE = timedelta(hours=8)
"""What was published in this time before the start lies on the lists from the beginning."""
CRISIS = 8.0
"""Times as much is published in the hour of the crisis."""
RESTART_H = 10.0
"""Hour at which the crawl role is started afresh, as after a change of its configuration."""
_QUIET = 6.6
"""Hours after a spell in which its pause may go on: no crisis is played there."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One source as the farm plays it."""

    name: str
    """Name of the source."""
    page: str
    """How its pages look, a key of `tests.farm.pages.PAGES`."""
    site: str
    """Site that it is on; each has a port of its own."""
    words: tuple[str, ...] = ()
    """Words that it asks for; empty = it is no search."""
    canary: str = ""
    """Word of the site's canary; empty = none."""
    rate: float = 6.0
    """Posts an hour, on the average of the day; 0 = one post that stands from the start."""
    interval_min: int = 5
    """Interval of the source, minutes."""
    most_min: int | None = None
    """Its longest interval, minutes; None = twice the interval."""


@dataclass(frozen=True, kw_only=True)
class Spell:
    """A time in which a site does not answer as it should."""

    site: str
    """The site, with all lines on it."""
    kind: str
    """What it does, a key of `tests.farm.refusals.REFUSALS`."""
    start_h: float
    """When it begins, hours."""
    end_h: float
    """When it ends, hours."""

    def holds(self, at: datetime) -> bool:
        """Say whether it is on."""
        return self.start <= at < self.end

    @property
    def start(self) -> datetime:
        """When it begins, UTC."""
        return START + timedelta(hours=self.start_h)

    @property
    def end(self) -> datetime:
        """When it ends, UTC."""
        return START + timedelta(hours=self.end_h)


@dataclass(frozen=True)
class Post:
    """One post of a line."""

    at: datetime
    """When it is published, UTC."""
    number: int
    """Number within its line, from 0 in order of publication."""
    line: int
    """Number of its line."""

    @property
    def token(self) -> str:
        """What names it in every text that shows it."""
        return f"q{self.line}n{self.number}e"


LINES: tuple[Line, ...] = (
    Line(name="weibo-a", page="weibo", site="m-weibo", words=("云杉咖啡", "云杉拿铁"), canary="天气", rate=8),
    Line(name="weibo-b", page="weibo", site="m-weibo", words=("星澜汽车",), canary="天气", rate=5),
    Line(name="weibo-hot", page="weibo_hot", site="weibo"),
    Line(name="douyin-open", page="douyin_open", site="open-douyin", words=("云杉咖啡",), canary="美食"),
    Line(name="douyin-hot", page="douyin", site="douyin", rate=4),
    Line(name="kuaishou", page="kuaishou", site="kuaishou", rate=4),
    Line(name="bilibili", page="bilibili", site="bilibili", rate=4),
    Line(name="zhihu", page="zhihu", site="zhihu", rate=4),
    Line(name="tieba", page="tieba", site="tieba", rate=4),
    Line(name="baidu", page="baidu", site="baidu", rate=4),
    Line(name="toutiao", page="toutiao", site="toutiao", rate=4),
    Line(name="v2ex", page="v2ex", site="v2ex"),
    Line(name="hackernews", page="hackernews", site="hackernews", words=("yunshan",), canary="google"),
    Line(name="mastodon", page="mastodon", site="mastodon", words=("云杉咖啡",), canary="news"),
    Line(name="reddit", page="reddit", site="reddit", words=("yunshan",), canary="news", rate=3),
    Line(name="gdelt", page="gdelt", site="gdelt", words=("云杉咖啡",), interval_min=15, most_min=30),
    Line(name="sitemap", page="sitemap", site="sitemap"),
    Line(name="feed", page="feed", site="feed"),
    Line(name="news", page="feed", site="news", rate=2, interval_min=10),
    Line(name="article", page="article", site="article", rate=0, interval_min=10),
    Line(name="rsshub", page="rsshub", site="rsshub"),
    Line(name="wechat", page="wechat", site="wechat", words=("云杉咖啡",), canary="天气", rate=2, interval_min=10),
    Line(name="websearch", page="websearch", site="websearch", words=("云杉咖啡",), rate=3,
         interval_min=25, most_min=30),
    Line(name="xiaohongshu", page="xiaohongshu", site="xiaohongshu", rate=0, interval_min=10),
)  # fmt: skip

SPELLS: tuple[Spell, ...] = (
    Spell(site="m-weibo", kind="visitor", start_h=1.5, end_h=3.0),
    Spell(site="m-weibo", kind="ok-100", start_h=4.5, end_h=6.0),
    Spell(site="m-weibo", kind="432", start_h=8.0, end_h=9.5),
    Spell(site="m-weibo", kind="silent", start_h=13.0, end_h=14.5),
    Spell(site="m-weibo", kind="ok-100-captcha", start_h=16.0, end_h=17.5),
    Spell(site="weibo", kind="visitor-page", start_h=7.0, end_h=9.0),
    Spell(site="open-douyin", kind="token", start_h=2.0, end_h=3.5),
    Spell(site="open-douyin", kind="silent", start_h=6.5, end_h=8.0),
    Spell(site="douyin", kind="empty-body", start_h=5.0, end_h=7.0),
    Spell(site="douyin", kind="verify_check", start_h=13.0, end_h=14.5),
    Spell(site="kuaishou", kind="result-2", start_h=2.0, end_h=3.5),
    Spell(site="kuaishou", kind="result-400002", start_h=12.0, end_h=13.5),
    Spell(site="bilibili", kind="412", start_h=2.0, end_h=4.0),
    Spell(site="bilibili", kind="-352", start_h=10.5, end_h=12.0),
    Spell(site="zhihu", kind="40362", start_h=3.0, end_h=5.0),
    Spell(site="zhihu", kind="unhuman", start_h=14.0, end_h=15.5),
    Spell(site="tieba", kind="wappass", start_h=1.0, end_h=2.5),
    Spell(site="baidu", kind="verify-page", start_h=9.0, end_h=10.5),
    Spell(site="toutiao", kind="js", start_h=1.5, end_h=3.0),
    Spell(site="v2ex", kind="429-reset", start_h=2.5, end_h=4.0),
    Spell(site="v2ex", kind="layout", start_h=11.0, end_h=12.5),
    Spell(site="hackernews", kind="429", start_h=3.0, end_h=5.0),
    Spell(site="hackernews", kind="silent", start_h=12.0, end_h=13.5),
    Spell(site="hackernews", kind="layout", start_h=17.0, end_h=18.5),
    Spell(site="mastodon", kind="429-date", start_h=1.5, end_h=3.0),
    Spell(site="mastodon", kind="silent", start_h=5.0, end_h=6.5),
    Spell(site="mastodon", kind="layout", start_h=15.0, end_h=16.5),
    Spell(site="reddit", kind="429-after", start_h=1.0, end_h=2.5),
    Spell(site="reddit", kind="login-page", start_h=6.5, end_h=8.5),
    Spell(site="reddit", kind="silent", start_h=15.0, end_h=16.5),
    Spell(site="gdelt", kind="gdelt-limit", start_h=3.0, end_h=5.0),
    Spell(site="sitemap", kind="refused", start_h=2.0, end_h=3.5),
    Spell(site="sitemap", kind="html", start_h=11.0, end_h=12.5),
    Spell(site="feed", kind="503-after", start_h=3.0, end_h=4.5),
    Spell(site="feed", kind="layout", start_h=6.0, end_h=7.5),
    Spell(site="news", kind="slow", start_h=5.0, end_h=6.2),
    Spell(site="article", kind="captcha-page", start_h=1.0, end_h=2.5),
    Spell(site="rsshub", kind="empty-route", start_h=1.5, end_h=3.5),
    Spell(site="wechat", kind="antispider", start_h=7.0, end_h=8.5),
    Spell(site="wechat", kind="silent", start_h=2.0, end_h=3.5),
    Spell(site="websearch", kind="1302", start_h=2.0, end_h=4.0),
    Spell(site="websearch", kind="1113", start_h=9.0, end_h=10.5),
    Spell(site="xiaohongshu", kind="461", start_h=1.5, end_h=3.0),
)


def sites() -> tuple[str, ...]:
    """Return the names of all sites, each once."""
    return tuple(dict.fromkeys(line.site for line in LINES))


@dataclass
class Published:
    """What one line publishes, in order."""

    posts: tuple[Post, ...]
    """All posts of the day and of the hours before it, oldest first."""
    _moments: list[datetime] = field(init=False)

    def __post_init__(self) -> None:
        self._moments = [post.at for post in self.posts]

    def newest(self, now: datetime) -> Sequence[Post]:
        """Return what is published by now, newest first."""
        return self.posts[: bisect_right(self._moments, now)][::-1]


def published(number: int, span: timedelta, seed: int) -> Published:
    """Return what a line publishes until the end of a span: a Poisson process with day, night and one crisis."""
    line = LINES[number]
    if line.rate == 0:
        return Published((Post(START - timedelta(hours=1), 0, number),))
    rng = random.Random(f"{seed}:{line.name}")
    crisis_h = _crisis_hour(line, span, rng)
    most = line.rate * CRISIS
    at, end, found = START - BEFORE, START + span, list[Post]()
    while True:
        at += timedelta(hours=rng.expovariate(most))
        if at >= end:
            return Published(tuple(found))
        if rng.random() < _rate(line, at, crisis_h) / most:
            found.append(Post(at, len(found), number))


def _rate(line: Line, at: datetime, crisis_h: float) -> float:
    hour = (at - START) / timedelta(hours=1)
    if crisis_h <= hour < crisis_h + 1:
        return line.rate * CRISIS
    return line.rate * (1 - 0.6 * math.cos((hour - 3) / 24 * 2 * math.pi))


def _crisis_hour(line: Line, span: timedelta, rng: random.Random) -> float:
    """Return an hour of the day while the road is open; one after the end if there is none."""
    hours = int(span / timedelta(hours=1))
    closed = [(each.start_h - 1, each.end_h + _QUIET) for each in SPELLS if each.site == line.site]
    free = [h for h in range(1, hours - 1) if not any(h + 1 > start and h < end for start, end in closed)]
    return float(rng.choice(free)) if free else float(hours + 1)
