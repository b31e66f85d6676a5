"""Invented values in the place of real ones: of the same form and length, the same one for the same."""

import random
import re
from collections.abc import Callable
from datetime import UTC, datetime

from domain.weibo_id import bid_to_mid, mid_to_bid

__all__ = ["Inventor", "mid_of_bid"]

_STEMS = "甲乙丙丁戊己庚辛壬癸"
_CHINESE = re.compile("[\u3400-\u9fff]")
_HEX = frozenset("0123456789abcdef")
_OLDEST, _NEWEST = datetime(2009, 8, 1, tzinfo=UTC), datetime(2060, 1, 1, tzinfo=UTC)
_WEIBO_EPOCH_S = 515_483_463


def mid_of_bid(bid: str) -> str:
    """Return the mid of a Weibo bid of the present form; empty if it cannot be one."""
    if len(bid) != 9 or not bid.isascii() or not bid.isalnum():
        return ""
    mid = bid_to_mid(bid)
    return mid if len(mid) == 16 and _is_mid(mid) and mid_to_bid(mid) == bid else ""


def _is_mid(word: str) -> bool:
    if not (word.isascii() and word.isdigit() and len(word) == 16):
        return False
    return _OLDEST.timestamp() < (int(word) >> 22) + _WEIBO_EPOCH_S < _NEWEST.timestamp()


class Inventor:
    """Makes one invented value for each real one; nothing leads back from it without the seed.

    Args:
        seed: What the values are made from; choose it at random and forget it.
    """

    def __init__(self, seed: str) -> None:
        self._rng = random.Random(seed)
        self._made: dict[str, str] = {}
        self._numbers: dict[str, int] = {}

    def like(self, word: str) -> str:
        """Return letters and digits of the same kinds in the same places; hexadecimal stays so, other signs stay."""
        return self._once(word, lambda: self._like(word))

    def secret(self, word: str) -> str:
        """Return a value of the same length that is harmless in JSON, HTML and addresses."""
        return self._once(word, lambda: re.sub(r"[^0-9A-Za-z_.=-]", "x", self._like(word)))

    def name(self, word: str) -> str:
        """Return the name of an invented person: 用户甲, or `userb` where the name has no Chinese."""
        return self._once(word, lambda: self._name(word))

    def post_id(self, word: str) -> str:
        """Return an id of a post, with the moment that is in it: of a Weibo mid and bid, of 24 hexadecimal digits."""
        if _is_mid(word):
            return self._once(word, lambda: self._mid(word))
        mid = mid_of_bid(word)
        if mid:
            return mid_to_bid(self.post_id(mid))
        return self._once(word, lambda: self._post_id(word))

    def phone(self, word: str) -> str:
        """Return a number of the same length and signs that is nobody's."""
        return self._once(word, lambda: self._digits(word, "199"))

    def identity(self, word: str) -> str:
        """Return the number of an identity card or bank card that is nobody's, of the same length."""
        return self._once(word, lambda: self._digits(word, "990000"))

    def email(self, word: str) -> str:
        """Return an address at example.com."""
        return self._once(word, lambda: f"user{self._number('email')}@example.com")

    def address(self, word: str) -> str:
        """Return an internet address of the ranges for documentation."""
        number = self._once(word, lambda: str(self._number("address") % 250))
        return f"2001:db8::{number}" if ":" in word else number if "." in number else f"192.0.2.{number}"

    def picture(self, word: str) -> str:
        """Return the address of a picture that does not exist."""
        return self._once(word, lambda: f"https://example.com/picture/{self._number('picture')}.jpg")

    def _once(self, word: str, make: Callable[[], str]) -> str:
        """Return what was made of a word before, else make it, another than the word where chance gives the same."""
        if word not in self._made:
            self._made[word] = next((made for _ in range(20) if (made := make()) != word), word)
        return self._made[word]

    def _number(self, kind: str) -> int:
        self._numbers[kind] = self._numbers.get(kind, 0) + 1
        return self._numbers[kind]

    def _like(self, word: str) -> str:
        if len(word) >= 8 and _HEX.issuperset(word) and not word.isdigit():
            return "".join(self._rng.choice("0123456789abcdef") for _ in word)
        return "".join(self._char(char, first=number == 0) for number, char in enumerate(word))

    def _char(self, char: str, *, first: bool) -> str:
        if not char.isascii():
            return self._rng.choice(_STEMS) if _CHINESE.match(char) else char
        if char.isdigit():
            return self._rng.choice("123456789") if first else self._rng.choice("0123456789")
        if char.isalpha():
            letter = self._rng.choice("abcdefghijklmnopqrstuvwxyz")
            return letter if char.islower() else letter.upper()
        return char

    def _name(self, word: str) -> str:
        number = self._number("name")
        digits = []
        while True:
            number, rest = divmod(number, 10)
            digits.append(rest)
            if not number:
                break
        if _CHINESE.search(word):
            return "用户" + "".join(_STEMS[digit] for digit in reversed(digits))
        return "user" + "".join("abcdefghij"[digit] for digit in reversed(digits))

    def _mid(self, word: str) -> str:
        return str((int(word) >> 22 << 22) | self._rng.getrandbits(22))

    def _post_id(self, word: str) -> str:
        if len(word) == 24 and _HEX.issuperset(word):
            return word[:8] + "".join(self._rng.choice("0123456789abcdef") for _ in range(16))
        if word.isascii() and word.isdigit() and len(word) >= 15:
            kept = len(word) - (9 if len(word) > 16 else 6)
            return word[:kept] + "".join(self._rng.choice("0123456789") for _ in word[kept:])
        if word.startswith("BV1") and len(word) == 12:
            return "BV1" + self._like(word[3:])
        return word[:1] + self._like(word[1:]) if word[:1].isdigit() else self._like(word)

    def _digits(self, word: str, first: str) -> str:
        """Return the word with its digits replaced: a mark of ours, zeros, and a number of its own."""
        wanted = sum(char.isdigit() for char in word)
        number = f"{first}{self._number(first):0{max(wanted - len(first), 1)}d}"[-wanted:]
        following = iter(number)
        return "".join(next(following) if char.isdigit() else char for char in word)
