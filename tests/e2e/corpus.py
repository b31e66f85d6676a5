"""Real posts as a timeline: two weeks of history, quiet hours, and a wave. Read at run time, never stored here."""

import csv
import hashlib
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from domain.moment import SHANGHAI
from service.demo.post import FarmPost, weibo_mid

# What a PR officer would write. The fruit is left out by words, as people do it.
BRANDS: dict[str, tuple[str, str]] = {
    "jd": ("京东", "京东"),
    "mengniu": ("蒙牛", "蒙牛"),
    "apple": (
        "苹果",
        "苹果 and (手机 or 平板 or 电脑 or 笔记本 or 系统 or iphone or ipad or mac or ios or 安卓 or 华为 or 小米"
        " or 三星 or 屏幕 or 分辨率 or 音效 or 触屏 or 卡顿 or 流畅 or 软件 or 充电 or 电池 or 键盘 or 股票 or 涨停"
        " or 产业链 or 供应商 or 概念 or 直营店 or 浏览器)"
        " and not (水果 or 红富士 or 潘苹果 or 斤 or 好吃 or 新鲜 or 脆 or 果园 or 烂 or 吃起来)",
    ),
}
FRUIT = "shop_水果"
DEVICE = "shop_平板"
HISTORY, DAYS = 20_000, 14
QUIET_PER_HOUR = HISTORY / (DAYS * 24)
MEAN_BUSY = 0.55


@dataclass(frozen=True)
class Row:
    """One labelled text."""

    domain: str
    label: str
    text: str


@dataclass
class Corpus:
    """Rows by use; no row is used twice."""

    history: list[Row]
    quiet: list[Row]
    negative: list[Row]
    positive: list[Row]
    digest: str
    domain_of: dict[str, str] = field(default_factory=dict)


def read_corpus(folder: Path, seed: int = 3) -> Corpus:
    """Read the labelled texts and share them out.

    History holds every row that names a brand and is not kept for a wave, filled up with
    others to 20,000: the dev part is used for waves first, because no weights saw it.
    """
    rows: list[Row] = []
    digest = hashlib.sha256()
    for name in ("sent_dev.tsv", "sent_train.tsv"):
        raw = (folder / name).read_bytes()
        digest.update(raw)
        lines = csv.DictReader(raw.decode().splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
        # Markup in the corpora would be decoded once more by any reader of feeds.
        rows += [Row(one["domain"], one["label"], one["text"]) for one in lines if usable(one["text"])]
    rows = list({row.text: row for row in rows}.values())
    negative = [row for row in rows if "京东" in row.text and row.label == "neg"][:500]
    positive = [row for row in rows if "京东" in row.text and row.label == "pos"][:400]
    used = {row.text for row in (*negative, *positive)}
    rest = [row for row in rows if row.text not in used]
    dice = random.Random(seed)
    dice.shuffle(rest)
    named = [row for row in rest if names_any(row.text)]
    others = [row for row in rest if not names_any(row.text)]
    quiet_size = 1_500
    share = len(named) / (HISTORY + quiet_size)
    cut = round(len(named) - quiet_size * share)
    history = named[:cut] + others[: HISTORY - cut]
    quiet = named[cut:] + others[HISTORY - cut : HISTORY - cut + quiet_size - (len(named) - cut)]
    dice.shuffle(history)
    dice.shuffle(quiet)
    assert len(history) == HISTORY
    return Corpus(history, quiet, negative, positive, digest.hexdigest()[:12], {row.text: row.domain for row in rows})


def usable(text: str) -> bool:
    """Say whether a text is free of markup, tabs and control characters, and long enough to be a post."""
    return 8 <= len(text) <= 2_000 and not any(mark in text for mark in "&<>\t\u200b\ufeff") and text.isprintable()


def names_any(text: str) -> bool:
    """Say whether a brand's plain name stands in the text."""
    return any(name in text for name, _ in BRANDS.values())


def busy(at: datetime) -> float:
    """How busy an hour of Beijing is, 0.1 at 3:30 to 1 at 15:30."""
    local = at.astimezone(SHANGHAI)
    return 0.55 - 0.45 * math.cos((local.hour + local.minute / 60 - 3.5) / 24 * 2 * math.pi)


class Timeline:
    """Turns rows into posts of the farm's sites with ids, authors and counters.

    Args:
        seed: Everything follows from it and from the order of calls.
        start: Tells apart posts of two timelines; ids count up from it.
    """

    def __init__(self, seed: int, start: int = 0) -> None:
        self._dice = random.Random(seed)
        self._number = start

    def history(self, rows: Sequence[Row], end: datetime) -> list[FarmPost]:
        """Spread rows over the two weeks before `end`, more by day than by night, oldest first."""
        start = end - timedelta(days=DAYS)
        posts = [self.post(row, self._daily(start)) for row in rows]
        return sorted(posts, key=lambda post: post.published_at)

    def _daily(self, start: datetime) -> datetime:
        while True:
            at = start + self._dice.random() * timedelta(days=DAYS)
            if self._dice.random() < busy(at):
                return at.replace(microsecond=0)

    def quiet(self, rows: Sequence[Row], start: datetime) -> list[FarmPost]:
        """Go on as the history did, as long as the rows last, oldest first."""
        posts: list[FarmPost] = []
        at = start
        for row in rows:
            while True:
                at += timedelta(hours=self._dice.expovariate(QUIET_PER_HOUR / MEAN_BUSY))
                if self._dice.random() < busy(at):
                    break
            posts.append(self.post(row, at.replace(microsecond=0)))
        return posts

    def evenly(self, rows: Sequence[Row], start: datetime, length: timedelta, mark: str = "") -> list[FarmPost]:
        """Spread rows at random over a span, oldest first."""
        posts = [self.post(row, (start + self._dice.random() * length).replace(microsecond=0), mark) for row in rows]
        return sorted(posts, key=lambda post: post.published_at)

    def post(self, row: Row, at: datetime, mark: str = "") -> FarmPost:
        """Make one post; long texts become articles, the others go to weibo, forum and blog."""
        self._number += 1
        pick = self._dice.random()
        site = (
            "news"
            if len(row.text) >= 120 and pick < 0.5
            else "weibo"
            if pick < 0.55
            else "forum"
            if pick < 0.8
            else "blog"
        )
        author = f"网友{self._dice.randrange(40_000):05d}"
        if site != "weibo":
            title = row.text[:18].strip() if site in ("news", "blog") else None
            return FarmPost(
                id=f"e{self._number}", site=site, published_at=at, text=row.text, title=title, author=author, mark=mark
            )
        return FarmPost(
            id=weibo_mid(at, self._number),
            site=site,
            published_at=at,
            text=row.text,
            author=author,
            author_id=str(7_100_000_000 + int(author[2:])),
            followers=min(9_999, int(self._dice.paretovariate(0.8) * 30)),
            likes=int(self._dice.paretovariate(1.2)) - 1,
            comments=int(self._dice.paretovariate(1.5)) - 1,
            shares=int(self._dice.paretovariate(2.0)) - 1,
            mark=mark,
        )
