"""A week of invented mentions with everything that a panel can split by, and gaps where platforms are silent."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from domain.mention import Author, Engagement, Flag, Kind, Mention, Precision
from domain.moment import Window
from domain.tagging import Polarity
from tests.storage.sample import mention, tagging

START = datetime(2026, 6, 14, 16, 0, tzinfo=UTC)
"""Monday midnight in Beijing."""
NOW = START + timedelta(days=7)
WINDOW = Window(start=START - timedelta(days=1), end=NOW + timedelta(days=1))
BRANDS = ("yunshan", "bailu", "hetao")
_PLATFORMS = ("weibo", "zhihu", "tieba", "wechat")
_TOPICS = ("quality", "price", "service", "food_safety")
_RISKS = ("food_safety", "service_complaint")
_FLAGS = ((), (), (), (), (), (Flag.BACKFILL,), (Flag.TRUNCATED,), (Flag.OWNED,), (Flag.DELETED,), (Flag.LATE,))


def mentions(number: int = 400, seed: int = 7) -> list[Mention]:
    """Return `number` mentions; the same for the same seed."""
    dice = random.Random(seed)
    return [_one(dice, place) for place in range(number)]


def _one(dice: random.Random, place: int) -> Mention:
    named = dice.sample(BRANDS, dice.choices((0, 1, 2), (1, 7, 2))[0])
    polarity = {brand: dice.choices(list(Polarity), (4, 3, 3))[0] for brand in named}
    platform = dice.choice(_PLATFORMS)
    author = dice.choice(
        (
            Author(name=f"读者{dice.randrange(40)}", id=f"u{dice.randrange(40)}", followers=dice.randrange(2_000_000)),
            Author(name=f"路人{dice.randrange(40)}", region=dice.choice(("北京", "上海", None))),
            Author(),
        )
    )
    shown = Engagement(
        views=dice.choice((None, dice.randrange(10_000))),
        likes=dice.choice((None, 0, dice.randrange(500))),
        comments=dice.choice((None, dice.randrange(200))),
        shares=dice.choice((None, dice.randrange(300))),
        favourites=dice.choice((None, dice.randrange(30))),
    )
    made = mention(
        f"{place:04}",
        minutes=(START - datetime(2026, 6, 20, 8, 0, tzinfo=UTC)) / timedelta(minutes=1) + dice.uniform(0, 7 * 1440),
        brands=polarity,
        topics=sorted(dice.sample(_TOPICS, dice.randrange(3))),
        risks=dice.sample(_RISKS, dice.choices((0, 1, 2), (6, 3, 1))[0]),
        author=author,
        platform=platform,
        source=f"{platform}-{dice.randrange(2)}",
        flags=dice.choice(_FLAGS),
        engagement=shown,
        collected_after=dice.uniform(0.5, 30),
        story=f"weibo:s{dice.randrange(25)}",
    )
    post = replace(
        made.post,
        kind=dice.choice((Kind.POST, Kind.REPOST, Kind.ARTICLE)),
        outlet=dice.choice((None, "云中日报", "晨间观察")),
        published_precision=dice.choice((Precision.SECOND, Precision.MINUTE)),
        lang=dice.choice(("zh", "en", None)),
    )
    if not polarity:
        made = replace(made, tags=tagging({}))
    return replace(
        made,
        post=post,
        outlet_tier=dice.choice((None, "中央", "门户")),
        reach=dice.choice((None, dice.randrange(50_000))),
        is_duplicate=dice.random() < 0.3,
    )
