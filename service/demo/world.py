"""An invented world: a coffee brand, two quiet weeks, and a crisis that nobody ordered.

Everything follows from the seed: the same seed and times give the same posts. Names, texts
and papers are in `texts.yaml`, written for this purpose; none of them exist.
"""

import math
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from typing import Any

import yaml

from domain.moment import SHANGHAI
from service.demo.post import FarmPost, weibo_mid

__all__ = ["BRAND", "BRAND_QUERY", "CRISIS_LENGTH", "RIVAL", "World"]

BRAND = "云杉咖啡"
BRAND_QUERY = "(云杉咖啡 or 云杉拿铁 or 云杉 NEAR/10 咖啡) and not 云杉树"
RIVAL = "白鹿茶饮"
CRISIS_LENGTH = timedelta(minutes=45)

# Posts per hour, mean over the day.
_BRAND_RATE, _RIVAL_RATE, _NOISE_RATE = 6.0, 2.0, 3.0
_MIX = (("praise", 0.46), ("neutral", 0.34), ("complaint", 0.20))
_SITES = (("weibo", 0.68), ("forum", 0.32))
_NEWS_SHARE = 0.02
_CROWD, _REPOSTS = 190, 50
_SLOT = re.compile(r"\{(\w+)\}")
_AUTHORS = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Author:
    name: str
    id: str
    followers: int
    verified_type: int


class World:
    """Makes posts of the invented world.

    Args:
        seed: Everything follows from it.
    """

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._texts: Mapping[str, Any] = yaml.safe_load(
            resources.files("service.demo").joinpath("texts.yaml").read_text(encoding="utf-8")
        )
        self._number = 0
        self._authors = [self._make_author(number) for number in range(_AUTHORS)]
        self._media = [
            _Author(
                name=one["name"],
                id=str(7_800_000_000 + n),
                followers=one["followers"],
                verified_type=one["verified_type"],
            )
            for n, one in enumerate(self._texts["media"])
        ]

    def _make_author(self, number: int) -> _Author:
        names = self._texts["names"]
        suffix = "" if self._random.random() < 0.5 else str(self._random.randrange(10, 9_999))
        return _Author(
            name=self._random.choice(names["head"]) + self._random.choice(names["tail"]) + suffix,
            id=str(7_900_000_000 + number),
            followers=min(90_000, int(math.exp(self._random.gauss(5.2, 1.4)))),
            verified_type=-1,
        )

    # --- ordinary days ---------------------------------------------------------------------------------------

    def quiet(self, start: datetime, end: datetime) -> list[FarmPost]:
        """Return the posts of ordinary hours, `start <= t < end`, oldest first."""
        posts = [
            *self._stream(start, end, _BRAND_RATE, self._of_brand),
            *self._stream(start, end, _RIVAL_RATE, lambda at: self._ordinary(at, "rival")),
            *self._stream(start, end, _NOISE_RATE, lambda at: self._ordinary(at, "noise")),
        ]
        return sorted(posts, key=lambda post: post.published_at)

    def _stream(
        self, start: datetime, end: datetime, rate: float, make: Callable[[datetime], FarmPost]
    ) -> Iterator[FarmPost]:
        """Yield posts at random moments, thinned by the hour of the day."""
        at = start
        while True:
            at += timedelta(hours=self._random.expovariate(rate * 2))
            if at >= end:
                return
            if self._random.random() < _busy(at) / 2:
                yield make(at.replace(microsecond=0))

    def _of_brand(self, at: datetime) -> FarmPost:
        if self._random.random() < _NEWS_SHARE:
            return self._article(at, self._pick("news_title"), self._pick("news_quiet"))
        return self._ordinary(at, self._weighed(_MIX))

    def _ordinary(self, at: datetime, pool: str) -> FarmPost:
        text = self._random.choice(self._texts["openers"]) + self._pick(pool) + self._pick("tails")
        return self._post(at, self._weighed(_SITES), text, self._random.choice(self._authors))

    # --- the crisis ------------------------------------------------------------------------------------------

    def crisis(self, start: datetime) -> list[FarmPost]:
        """Return the posts of a crisis of `CRISIS_LENGTH` from `start`, oldest first; mark `crisis`.

        A small account tells what it found, media with many followers pass it on, a crowd
        follows, two articles appear, and the company makes its statement.
        """
        first = self._post(
            start, "weibo", self._texts["crisis_first"], self._authors[0], mark="crisis", likes=830, shares=1_204
        )
        posts = [first]
        for media, text, minutes in zip(self._media[2:], self._texts["crisis_push"], (4, 7, 11), strict=True):
            posts.append(
                self._post(
                    start + timedelta(minutes=minutes),
                    "weibo",
                    text,
                    media,
                    mark="crisis",
                    likes=self._random.randrange(3_000, 9_000),
                    comments=self._random.randrange(800, 3_000),
                    shares=self._random.randrange(900, 4_000),
                )
            )
        posts += self._crowd(start, first)
        for title, text, minutes in zip(
            self._texts["crisis_news_title"], self._texts["crisis_news"], (16, 33), strict=True
        ):
            posts.append(self._article(start + timedelta(minutes=minutes), title, text, mark="crisis"))
        official = _Author(name=f"{BRAND}官方", id="7700000001", followers=412_000, verified_type=2)
        posts.append(
            self._post(start + timedelta(minutes=38), "weibo", self._texts["crisis_statement"], official, mark="crisis")
        )
        return sorted(posts, key=lambda post: post.published_at)

    def _crowd(self, start: datetime, first: FarmPost) -> Iterator[FarmPost]:
        for _ in range(_CROWD):
            pool = "crisis_crowd" if self._random.random() < 0.94 else "crisis_neutral"
            text = self._random.choice(self._texts["openers"]) + self._pick(pool) + self._pick("crisis_tails")
            author = self._random.choice(self._authors)
            yield self._post(self._crisis_moment(start), self._weighed(_SITES), text, author, mark="crisis")
        for text in self._random.choices(self._texts["crisis_repost"], k=_REPOSTS):
            post = self._post(
                self._crisis_moment(start),
                "weibo",
                text + self._pick("crisis_tails"),
                self._random.choice(self._authors),
                mark="crisis",
                repost_of=first.id,
            )
            yield post

    def _crisis_moment(self, start: datetime) -> datetime:
        """A moment of the crisis: a few at once, most after the media, then fewer."""
        share = self._random.betavariate(1.6, 2.4)
        return (start + timedelta(minutes=1) + share * (CRISIS_LENGTH - timedelta(minutes=1))).replace(microsecond=0)

    def aftermath(self, start: datetime, end: datetime) -> list[FarmPost]:
        """Return what is still said of the crisis after it, few and mild, oldest first."""
        posts = self._stream(
            start,
            end,
            4.0,
            lambda at: self._post(
                at, self._weighed(_SITES), self._pick("crisis_after"), self._random.choice(self._authors), mark="after"
            ),
        )
        return sorted(posts, key=lambda post: post.published_at)

    # --- parts -----------------------------------------------------------------------------------------------

    def _article(self, at: datetime, title: str, text: str, mark: str = "") -> FarmPost:
        self._number += 1
        return FarmPost(
            id=f"{at.astimezone(SHANGHAI):%Y%m%d}-{self._number}",
            site="news",
            published_at=at,
            title=title,
            text=text.strip(),
            author=self._random.choice(self._texts["reporters"]),
            mark=mark,
        )

    def _post(
        self,
        at: datetime,
        site: str,
        text: str,
        author: _Author,
        *,
        mark: str = "",
        likes: int | None = None,
        comments: int = 0,
        shares: int = 0,
        repost_of: str | None = None,
    ) -> FarmPost:
        self._number += 1
        if site == "forum":
            return FarmPost(
                id=str(880_000 + self._number), site=site, published_at=at, text=text, author=author.name, mark=mark
            )
        return FarmPost(
            id=weibo_mid(at, self._number),
            site=site,
            published_at=at,
            text=text,
            author=author.name,
            author_id=author.id,
            followers=author.followers,
            verified_type=author.verified_type,
            likes=int(self._random.paretovariate(1.3)) - 1 if likes is None else likes,
            comments=comments or int(self._random.paretovariate(1.6)) - 1,
            shares=shares or int(self._random.paretovariate(2.0)) - 1,
            repost_of=repost_of,
            mark=mark,
        )

    def _pick(self, pool: str) -> str:
        """Choose a text of a pool and fill its slots."""
        slots: Mapping[str, Sequence[str]] = self._texts["slots"]
        text: str = self._random.choice(self._texts[pool])
        return _SLOT.sub(lambda match: self._random.choice(slots[match[1]]), text)

    def _weighed(self, choices: Sequence[tuple[str, float]]) -> str:
        names, weights = zip(*choices, strict=True)
        return str(self._random.choices(names, weights)[0])


def _busy(at: datetime) -> float:
    """Share of the mean rate at that hour of Asia/Shanghai, 0.1 to 2; two peaks, noon and evening."""
    hour = at.astimezone(SHANGHAI).hour + at.minute / 60
    noon = math.exp(-(((hour - 12.0) / 2.6) ** 2))
    evening = math.exp(-(((hour - 20.0) / 2.8) ** 2))
    return min(2.0, 0.12 + 1.5 * noon + 1.9 * evening)
