"""The two spellings of a Weibo id: mid in decimal, bid in base 62."""

__all__ = ["bid_to_mid", "mid_to_bid"]

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_VALUE = {char: i for i, char in enumerate(_DIGITS)}


def mid_to_bid(mid: str) -> str:
    """Return the base 62 form of a decimal mid; empty if it is none."""
    if not (mid.isascii() and mid.isdigit() and len(mid) <= 30):
        return ""
    groups = [mid[max(0, end - 7) : end] for end in range(len(mid), 0, -7)][::-1]
    words = [_base62(int(group)) for group in groups]
    return words[0] + "".join(word.rjust(4, "0") for word in words[1:])


def bid_to_mid(bid: str) -> str:
    """Return the decimal form of a base 62 bid; empty if it is none."""
    if not (bid.isascii() and bid.isalnum() and len(bid) <= 20):
        return ""
    groups = [bid[max(0, end - 4) : end] for end in range(len(bid), 0, -4)][::-1]
    numbers = [str(_number(group)) for group in groups]
    return numbers[0] + "".join(number.rjust(7, "0") for number in numbers[1:])


def _base62(number: int) -> str:
    text = ""
    while number:
        number, rest = divmod(number, 62)
        text = _DIGITS[rest] + text
    return text or "0"


def _number(text: str) -> int:
    value = 0
    for char in text:
        value = value * 62 + _VALUE[char]
    return value
