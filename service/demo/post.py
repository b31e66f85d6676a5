"""A post of an imitated source, before any page shows it."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path

from domain.moment import SHANGHAI, from_rfc3339, to_rfc3339

__all__ = ["FarmPost", "bid_of", "import_record", "read_farm_posts", "weibo_mid", "write_farm_posts", "write_import"]

_BASE62 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_WEIBO_EPOCH_S = 515_483_463


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmPost:
    """One post as its author wrote it."""

    id: str
    """Native id: digits on weibo, else a slug of letters, digits and dashes; unique."""
    site: str
    """Site of the farm that shows it: weibo, news, forum or blog."""
    published_at: datetime
    """When it appears, UTC, whole seconds."""
    text: str
    """Full text; plain, line breaks as LF."""
    title: str | None = None
    """Title; None on weibo and where a feed shows none."""
    author: str
    """Shown name."""
    author_id: str = ""
    """Native id of the author, digits on weibo; empty = none is shown."""
    followers: int | None = None
    """Followers; None = not shown."""
    verified_type: int = -1
    """Weibo's code of verification: -1 none, 0 person, 2 company, 3 medium."""
    likes: int = 0
    """Likes, shown on weibo only."""
    comments: int = 0
    """Comments, shown on weibo only."""
    shares: int = 0
    """Reposts, shown on weibo only."""
    repost_of: str | None = None
    """Id of the original; None = not a repost."""
    mark: str = ""
    """What it is for: empty, or a word such as crisis that the ledger can be filtered by."""

    def to_json(self) -> str:
        """Return one NDJSON line without its line break; defaults left out."""
        defaults = {field.name: field.default for field in fields(self)}
        values = {name: value for name, value in asdict(self).items() if value != defaults[name]}
        values["published_at"] = to_rfc3339(self.published_at)
        return json.dumps(values, ensure_ascii=False)

    @staticmethod
    def from_json(line: str) -> "FarmPost":
        """Read what `to_json` wrote.

        Raises:
            ValueError: the line is no JSON object.
            TypeError: a field is missing or unknown.
        """
        values = json.loads(line)
        values["published_at"] = from_rfc3339(values["published_at"])
        return FarmPost(**values)


def read_farm_posts(path: Path) -> Iterator[FarmPost]:
    """Yield the posts of an NDJSON file, in its order; blank lines are skipped."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield FarmPost.from_json(line)


def write_farm_posts(path: Path, posts: Iterable[FarmPost]) -> int:
    """Write posts as NDJSON and return how many."""
    written = 0
    with path.open("w", encoding="utf-8") as file:
        for post in posts:
            file.write(post.to_json() + "\n")
            written += 1
    return written


def weibo_mid(moment: datetime, number: int) -> str:
    """Return a weibo id whose upper bits tell `moment` to the second.

    Args:
        moment: Aware time of publication.
        number: Tells posts of one second apart; taken modulo 2^22.
    """
    return str(((int(moment.timestamp()) - _WEIBO_EPOCH_S) << 22) + number % (1 << 22))


def bid_of(mid: str) -> str:
    """Return the base62 form of a weibo id, as its permanent link shows it."""
    parts: list[str] = []
    rest = mid
    while rest:
        rest, group = rest[:-7], rest[-7:]
        digits = _base62(int(group))
        parts.append(digits.rjust(4, "0") if rest else digits)
    return "".join(reversed(parts))


def _base62(number: int) -> str:
    digits = ""
    while True:
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
        if not number:
            return digits


def import_record(post: FarmPost, url: str) -> dict[str, object]:
    """Return the post as an object that `tingfeng import` reads.

    Args:
        post: The post.
        url: Its permanent link, which gives it the id under which a crawl finds it again.
    """
    on_weibo = post.site == "weibo"
    author: dict[str, object] = {"name": post.author}
    if post.author_id:
        author["id"] = post.author_id
    if on_weibo:
        author |= {
            "followers": post.followers,
            "verified": post.verified_type >= 0,
            "verified_type": post.verified_type,
        }
    record: dict[str, object] = {
        "platform": "weibo" if on_weibo else "web",
        "id": post.id if on_weibo else url,
        "kind": "repost" if post.repost_of else "post" if on_weibo else "article",
        "url": url,
        "title": post.title,
        "text": post.text,
        "author": author,
        "published_at": post.published_at.astimezone(SHANGHAI).isoformat(timespec="seconds"),
        "published_precision": "second",
    }
    if on_weibo:
        record["counters"] = {"likes": post.likes, "comments": post.comments, "reposts": post.shares}
    return record


def write_import(path: Path, posts: Iterable[FarmPost], url_of: Callable[[FarmPost], str]) -> int:
    """Write posts as an NDJSON file for `tingfeng import` and return how many."""
    written = 0
    with path.open("w", encoding="utf-8") as file:
        for post in posts:
            file.write(json.dumps(import_record(post, url_of(post)), ensure_ascii=False) + "\n")
            written += 1
    return written
