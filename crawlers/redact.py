"""Answers of a platform without what belongs to persons or opens doors, so that they can be kept as fixtures.

Pure. Values are found in every answer first, then replaced in all of them, in whatever
escapes a page writes them: the same value by the same invented one, of a form that the
parser reads as before.
"""

import base64
import gzip
import html.entities
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import quote

from crawlers.base import Parsed, Response
from crawlers.decode import decode_body
from crawlers.invent import Inventor, mid_of_bid
from crawlers.personal import (
    Found,
    What,
    cookie_values,
    find_in_json,
    find_in_posts,
    find_in_text,
    plain_copy,
)
from domain.weibo_id import mid_to_bid

__all__ = ["Redactor", "difference"]

_KEPT_HEADERS = re.compile(
    r"content-type|retry-after|last-modified|date|location|link|x-rate-?limit-[a-z-]{1,30}|verifytype|verifyuuid"
)
_TOKEN = re.compile(r"%[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|\\[nrtbf]|&#?\w{1,9};|[0-9A-Za-z]++")
_RUN = re.compile(r"[0-9A-Za-z]+")
_BEHIND_ESCAPE = r"(?<=\\u[0-9A-Fa-f]{4})|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrtbf])"
_BEFORE = rf"(?:(?<![0-9A-Za-z_])|{_BEHIND_ESCAPE})"
_AFTER = r"(?![0-9A-Za-z_])"
_LEAST_SECRET = 6
_MAX_BODY = 32_000_000
_GZIP = b"\x1f\x8b"
_ROUNDING = timedelta(seconds=2)


class Redactor:
    """Learns from all answers of a visit, then redacts each.

    Args:
        secrets: Credentials of the installation, cookies whole; also what is short is replaced, from 6 characters on.
        seed: What the invented values are made from; choose it at random and forget it.
        keep: Words that stay where they stand in running text, such as the words searched for.
        hosts: Hosts that are no secret though a cookie names them.
    """

    def __init__(
        self, secrets: Iterable[str], *, seed: str, keep: Iterable[str] = (), hosts: Iterable[str] = ()
    ) -> None:
        self._invent = Inventor(seed)
        self._keep = tuple(word.lower() for word in keep if word)
        self._hosts = frozenset(host.lower().lstrip(".") for host in hosts)
        self._secrets = sorted(set(self._worth(secrets)), key=len, reverse=True)
        self._found: dict[str, What] = {}
        self._tokens: dict[str, str] = {}

    def _worth(self, secrets: Iterable[str]) -> Iterator[str]:
        for given in secrets:
            secret = given.strip()
            for part in (secret, *(cookie_values(secret) if "=" in secret else ())):
                domain = part.lower().lstrip(".")
                if len(part) >= _LEAST_SECRET and not any(f".{host}".endswith(f".{domain}") for host in self._hosts):
                    yield part

    def learn(self, endpoint: str, response: Response, parsed: Parsed) -> None:
        """Take note of what an answer shows of persons, and of tokens in it and in its address."""
        text = plain_copy(_text(response))
        weibo = endpoint.startswith(("weibo.", "rsshub."))
        self._note(find_in_posts(parsed))
        self._note(find_in_json(_text(response)))
        self._note(find_in_text(text, weibo=weibo))
        named = (f'{name}: "{value}"' for name, value in response.headers.items())
        shown = "\n".join((response.url, *named, *response.headers.values(), *response.context.values()))
        self._note(find_in_text(plain_copy(shown), weibo=weibo))

    def _note(self, found: Iterable[Found]) -> None:
        for what, value in found:
            if what in (What.AUTHOR_ID, What.POST_ID) and _RUN.fullmatch(value):
                self._token(what, value)
            elif value not in self._found and not any(value in secret for secret in self._secrets):
                self._found[value] = what

    def _token(self, what: What, value: str) -> None:
        if value in self._tokens or len(value) < 5:
            return
        if what is What.POST_ID:
            made = self._tokens[value] = self._invent.post_id(value)
            if mid_of_bid(value):
                self._tokens.setdefault(mid_of_bid(value), self._invent.post_id(mid_of_bid(value)))
            elif len(value) == 16 and mid_of_bid(mid_to_bid(value)):
                self._tokens.setdefault(mid_to_bid(value), mid_to_bid(made))
        else:
            self._tokens[value] = self._invent.like(value)

    def response(self, response: Response) -> Response:
        """Return an answer with everything known replaced: body, address, headers, context; other headers are left out.

        Raises:
            ValueError: the body cannot be written again in an encoding that reads it.
        """
        kept = {name: value for name, value in response.headers.items() if _KEPT_HEADERS.fullmatch(name)}
        return replace(
            response,
            url=self.text(response.url),
            headers={name: self.text(value) for name, value in kept.items()},
            context={name: self.text(value) for name, value in response.context.items()},
            body=_written(self.text(_text(response)), response),
        )

    def text(self, text: str) -> str:
        """Return a text with every known value replaced, whatever its escapes."""
        for secret in self._secrets:
            text = self._without_secret(text, secret)
        plain = plain_copy(text)
        for value in sorted(self._found, key=len, reverse=True):
            if value in plain:
                text = self._pattern(value).sub(self._instead(value), text)
        return _TOKEN.sub(lambda match: self._tokens.get(match[0], match[0]), text)

    def _without_secret(self, text: str, secret: str) -> str:
        made = self._invent.secret(secret)
        text = re.compile(_spelled(secret, every=True)).sub(made, text)
        for coded in _coded(secret):
            text = text.replace(coded, self._invent.secret(coded))
        return text

    def _pattern(self, value: str) -> re.Pattern[str]:
        spelled = _spelled(value, every=self._found[value] is What.SECRET)
        if self._in_place_only(value):
            return re.compile(rf"""(?<=[>"';]){spelled}(?=["'<&\\])""")
        before = _BEFORE if value[0].isascii() and (value[0].isalnum() or value[0] == "_") else ""
        after = _AFTER if value[-1].isascii() and (value[-1].isalnum() or value[-1] == "_") else ""
        return re.compile(before + spelled + after)

    def _in_place_only(self, value: str) -> bool:
        """Say whether a name is replaced only where nothing else stands: it is a word that texts are full of."""
        if self._found[value] is not What.NAME:
            return False
        small = value.lower()
        return len(value) < (3 if value.isascii() else 2) or any(small in word for word in self._keep)

    def _instead(self, value: str) -> Callable[[re.Match[str]], str]:
        made = self._made(value)
        return lambda match: _in_style_of(match[0], made)

    def _made(self, value: str) -> str:
        invent = self._invent
        makers = {
            What.SECRET: invent.secret,
            What.NAME: invent.name,
            What.AUTHOR_ID: invent.like,
            What.POST_ID: invent.post_id,
            What.PICTURE: invent.picture,
            What.PHONE: invent.phone,
            What.IDENTITY: invent.identity,
            What.EMAIL: invent.email,
            What.ADDRESS: invent.address,
        }
        return makers[self._found[value]](value)

    def leaks(self, response: Response) -> list[str]:
        """Return the kinds of values that are still in a redacted answer; empty = none is."""
        shown = "\n".join((_text(response), response.url, *response.headers.values(), *response.context.values()))
        plain = plain_copy(shown)
        left = ["credential" for secret in self._secrets if _holds(shown, secret)]
        for value, what in self._found.items():
            known = self._in_place_only(value) or value in self._made(value) or any(value in m for m in _invented())
            if not known and value in plain and self._pattern(value).search(shown):
                left.append(what.value)
        runs = set(_TOKEN.findall(shown))
        left += ["id" for token, made in self._tokens.items() if made != token and token in runs]
        return sorted(set(left))


def _holds(text: str, secret: str) -> bool:
    return re.search(_spelled(secret, every=True), text) is not None or any(coded in text for coded in _coded(secret))


def _invented() -> tuple[str, ...]:
    return ("用户", "user", "example.com")


def _text(response: Response) -> str:
    """Return the text of a body, unpacked where it is gzip."""
    return decode_body(_unpacked(response.body), response.headers.get("content-type"))


def _unpacked(body: bytes) -> bytes:
    if not body.startswith(_GZIP):
        return body
    try:
        return zlib.decompressobj(wbits=31).decompress(body, _MAX_BODY)
    except zlib.error:
        return body


def _written(text: str, response: Response) -> bytes:
    """Return a text in the encoding that its page declares, or in the one that reads it."""
    raw = _unpacked(response.body)
    packed = raw is not response.body
    first = ("utf-8", "gb18030") if _is_utf8(raw) else ("gb18030", "utf-8")
    for encoding in (*first, "utf-16"):
        body = text.encode(encoding, "replace")
        if _reads(body, text, response):
            return gzip.compress(body, 6, mtime=0) if packed else body
    raise ValueError("the answer cannot be written again in an encoding that reads it")


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as err:
        return err.start >= len(raw) - 4  # cut at the size limit, within a character
    return True


def _reads(body: bytes, text: str, response: Response) -> bool:
    return decode_body(body, response.headers.get("content-type")) == text.removeprefix("\ufeff")


def _spelled(value: str, *, every: bool) -> str:
    """Return a pattern of a value in any mixture of the escapes of JSON, HTML and addresses.

    Args:
        value: What is looked for.
        every: Letters and digits of ASCII may be escaped too.
    """
    return "".join(_char(char, every=every) for char in value)


def _char(char: str, *, every: bool) -> str:
    plain = re.escape(char)
    if char.isascii() and char.isalnum() and not every:
        return plain
    number = ord(char)
    raw = char.encode("utf-8", "surrogatepass")
    ways = [plain, _percent(raw), rf"&(?:amp;)?#0*{number};", rf"&(?:amp;)?#[xX]0*(?i:{number:x});"]
    units = char.encode("utf-16-be", "surrogatepass")
    ways.append("".join(rf"\\{{1,2}}u(?i:{units[at : at + 2].hex()})" for at in range(0, len(units), 2)))
    if number < 256:
        ways.append(rf"\\{{1,2}}x(?i:{number:02x})")
    if not char.isascii():
        ways.append(_percent(char.encode("gb18030", "replace")))
    named = html.entities.codepoint2name.get(number)
    if named:
        ways.append(rf"&(?:amp;)?{named};")
    if char in "/\"'":
        ways.append(rf"\\{{1,3}}{plain}")
    if char == " ":
        ways.append(r"\+")
    return f"(?:{'|'.join(ways)})"


def _percent(raw: bytes) -> str:
    return "".join(rf"%(?:25){{0,2}}(?i:{byte:02x})" for byte in raw)


def _in_style_of(found: str, made: str) -> str:
    """Return the invented value in the escapes in which the real one was found."""
    if made.isascii() and re.fullmatch(r"[\w.@-]*", made):
        return made
    if "%25" in found:
        return quote(quote(made, safe=""), safe="")
    if "%" in found:
        return quote(made, safe="")
    if re.search(r"\\u[0-9a-fA-F]{4}", found):
        slashes = r"\\" if r"\\u" in found else "\\"
        return "".join(char if char.isascii() else f"{slashes}u{ord(char):04x}" for char in made)
    if "&#" in found:
        return "".join(char if char.isascii() else f"&#{ord(char)};" for char in made)
    return made.replace("/", r"\/") if r"\/" in found else made


def _coded(secret: str) -> list[str]:
    """Return what a secret looks like within base64 at each of its three places, and as hexadecimal digits."""
    raw = secret.encode("utf-8", "surrogatepass")
    forms = [raw.hex(), raw.hex().upper()]
    for before in range(3):
        whole = base64.b64encode(bytes(before) + raw).decode("ascii").rstrip("=")
        first = {0: 0, 1: 2, 2: 3}[before]
        usable = whole[first : len(whole) - (1 if (before + len(raw)) % 3 else 0)]
        if len(usable) >= _LEAST_SECRET:
            forms += [usable, usable.replace("+", "-").replace("/", "_")]
    return list(dict.fromkeys(forms))


def difference(before: Parsed, after: Parsed) -> str:
    """Say what a parser reads otherwise in a redacted answer: outcome, posts, counters, times; empty = nothing."""
    if before.outcome is not after.outcome:
        return f"outcome {after.outcome.value} instead of {before.outcome.value}"
    if (len(before.posts), len(before.trends)) != (len(after.posts), len(after.trends)):
        return f"{len(after.posts)} posts instead of {len(before.posts)}"
    if {name for name, _ in before.next} != {name for name, _ in after.next}:
        return "another next page"
    for one, other in zip(before.posts, after.posts, strict=True):
        if one.kind is not other.kind or one.truncated is not other.truncated:
            return "another kind of post"
        if (one.engagement, one.extra_counters) != (other.engagement, other.extra_counters):
            return "other counters"
        if not _same_moment(one.published_at, other.published_at):
            return "other times"
    return ""


def _same_moment(one: datetime | None, other: datetime | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= _ROUNDING
