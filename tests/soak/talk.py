"""Invented talk about invented brands for days on end: quiet hours and, six times a day, a wave of complaints."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from service.demo.post import FarmPost, weibo_mid

__all__ = ["BRANDS", "talk"]

BRANDS = {"yunshan": "云杉咖啡", "bailu": "白鹿茶饮", "qinghe": "青禾乳业"}
WAVE_EVERY = timedelta(hours=4)
WAVE_LENGTH = timedelta(minutes=40)
WAVE_POSTS = 60
PER_HOUR = 40

_SITES = ("weibo", "weibo", "forum", "blog", "news")
_PLAIN = (
    "{brand}今天人不少，排了{n}分钟才拿到",
    "路过{brand}，新店第{n}天，门口还在发券",
    "中午和同事在{brand}坐了{n}分钟，聊了聊项目",
    "{brand}的第{n}号套餐今天换了杯子，图案挺好看",
    "周末去了趟河边，走了{n}公里，天气不错",
    "图书馆{n}楼的位子又满了，明天早点来",
)
_ANGRY = (
    "{brand}里喝出了虫子，第{n}次投诉没人理，太恶心了，再也不去",
    "在{brand}吃完拉肚子，去医院花了{n}元，客服还骂人，曝光！",
    "{brand}过期原料被员工拍到，编号{n}，监管部门快查查",
)


def talk(start: datetime, length: timedelta, seed: int = 1) -> Iterator[FarmPost]:
    """Yield posts from `start` on, for `length` of domain time, in no order; ids are unique."""
    dice = random.Random(seed)
    names = tuple(BRANDS.values())
    number = 0
    for _ in range(int(length.total_seconds() / 3600 * PER_HOUR)):
        number += 1
        yield _post(dice, dice.choice(_PLAIN), dice.choice(names), start + dice.random() * length, number)
    begin = start + WAVE_EVERY / 4
    while begin < start + length:
        brand = dice.choice(names)
        for _ in range(WAVE_POSTS):
            number += 1
            yield _post(dice, dice.choice(_ANGRY), brand, begin + dice.random() * WAVE_LENGTH, number)
        begin += WAVE_EVERY


def _post(dice: random.Random, words: str, brand: str, at: datetime, number: int) -> FarmPost:
    at = at.replace(microsecond=0)
    site = dice.choice(_SITES)
    text = words.format(brand=brand, n=number) + "，" + "".join(dice.choices("的一是在有人我他这中大来上", k=20))
    author = f"网友{dice.randrange(20_000):05d}"
    if site == "weibo":
        return FarmPost(
            id=weibo_mid(at, number), site=site, published_at=at, text=text, author=author,
            author_id=str(7_200_000_000 + int(author[2:])), followers=dice.randrange(9_000),
        )  # fmt: skip
    return FarmPost(id=f"s{number}", site=site, published_at=at, text=text, title=text[:18], author=author)
