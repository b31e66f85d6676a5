"""What a Weibo id tells: the second of its making, and the permanent link."""

from datetime import UTC, datetime

from domain.weibo_id import mid_to_bid

__all__ = ["mid_time", "permalink"]

_EPOCH_S = 515_483_463


def mid_time(mid: str) -> datetime | None:
    """Return the second in which a mid was made, UTC; None for one of the old form."""
    if not (mid.isascii() and mid.isdigit() and 15 <= len(mid) <= 18):
        return None
    second = (int(mid) >> 22) + _EPOCH_S
    return datetime.fromtimestamp(second, UTC) if 1_230_000_000 < second < 4_102_444_800 else None


def permalink(uid: str, bid: str, mid: str) -> str | None:
    """Return the public link of a post; the mobile one where the author is unknown."""
    word = bid or mid_to_bid(mid)
    if not word:
        return None
    return f"https://weibo.com/{uid}/{word}" if uid.isascii() and uid.isdigit() else f"https://m.weibo.cn/status/{word}"
