"""Fragments of HTML to readable text (contracts: platforms, section 3.5).

One linear scan, no tree: deep nesting, unclosed tags and giant attributes cost nothing.
"""

import html
import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urljoin, urlsplit

__all__ = ["MAX_TEXT", "Rich", "at_names", "clean", "clean_line", "crowded", "hashtags", "html_to_text", "unwrap"]

MAX_TEXT = 100_000
_MAX_FRAGMENT = 1_000_000
_DROP = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_NEWLINE = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_BLANK = re.compile(r"[^\S\n]+")
# What `clean` would change: a character that it drops or joins, a blank that is none of its own, two blanks in a row.
_UNCLEAN = re.compile(f"{_DROP.pattern[:-1]}\ud800-\udfff]|[^\\S \\n]|\\s\\s")
_TAG = re.compile(r"""<(/?)([a-zA-Z][a-zA-Z0-9:_-]{0,40})((?:[^<>"']++|"[^"]{0,4096}+"|'[^']{0,4096}+')*+)>""")
_SLOPPY_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:_-]{0,40})([^<>]{0,4096}+)>")
_ATTRIBUTE = re.compile(r"""([a-zA-Z_:][-\w:.]{0,40})\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_SKIPPED = frozenset(
    {"script", "style", "noscript", "iframe", "mpvoice", "template", "svg", "object", "select", "textarea"}
)
_SKIP_END = {name: re.compile(f"</{name}\\b[^>]{{0,200}}>?", re.IGNORECASE) for name in _SKIPPED}
_BREAKING = frozenset(
    "br p div li ul ol dl dt dd h1 h2 h3 h4 h5 h6 blockquote section article header footer aside figure figcaption "
    "table tr hr pre form main nav center".split()
)
_SPACING = frozenset({"td", "th"})
_EMOJI_ALT = re.compile(r"\[[^\[\]\s]{1,20}\]|[^\w\s<>/.]{1,8}")
_EMOJI_CLASS = re.compile(r"emoji|emoticon|face|smiley", re.IGNORECASE)
# In text that `clean` gave: blanks stand alone there, and none at the end.
_MORE = re.compile(r"(?:\.{3}|…)?\s?(?:全文|展开全文|查看全文|展开)\s?c?")
_LESS = re.compile(r"收起\s?d?")
_TAIL_MORE = re.compile(r"\s?(?:\.{3}\s?(?:展开|全文)|展开c)$")
_TAIL_LESS = re.compile(r"\s?收起d$")
_HASHTAG = re.compile(r"#([^#\n]{1,64})#")
_AT = re.compile(r"(?<![A-Za-z0-9._])@([\w·-]{1,30})")
# libxml2 compares each attribute of a tag with all before it: 100,000 of them take 15 seconds (measured). One pass
# from the beginning, so that it stays linear: what other tags hold is passed over.
_ATTR = r"""[\s/]*+(?:=?[^\s/>=]++|=)(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s>"'][^\s>]*+)?+)?+"""
_OPEN = r"<[a-zA-Z][^\s/>]*+"
_CROWD = re.compile(rf"\A(?:[^<]++|<(?![a-zA-Z])|{_OPEN}(?:{_ATTR}){{0,1999}}+(?!{_ATTR}))*+{_OPEN}(?:{_ATTR}){{2000}}")
# What each such tag has: nowhere a `>` so soon, or one within a quoted value. Most pages have neither.
_LONG = re.compile(r"<[a-zA-Z][^>]{500}")
_QUOTED = re.compile(r"""=\s*+(?:"[^">]*+>|'[^'>]*+>)""")
_WRAPPERS = {"weibo.cn": "u", "www.weibo.cn": "u", "link.zhihu.com": "target", "link.juejin.cn": "target"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rich:
    """A fragment as read."""

    text: str
    """Readable text in normal form; may be empty."""
    links: tuple[str, ...] = ()
    """Absolute targets of links, unwrapped, in order, each once."""
    at_users: tuple[str, ...] = ()
    """Names of links that begin with @, in order, each once."""
    truncated: bool = False
    """A link such as 全文 or 展开 says that the text goes on."""


def clean(text: str) -> str:
    """Return text without controls and invisible marks, blanks collapsed, empty lines dropped.

    Lone surrogates are dropped, pairs joined. Idempotent; at most 100,000 characters.
    """
    if text.isalnum() and len(text) <= MAX_TEXT:
        return text
    text = text[:_MAX_FRAGMENT].strip()
    if len(text) <= MAX_TEXT and _UNCLEAN.search(text) is None:
        return text
    text = _joined(text)
    text = _DROP.sub("", _NEWLINE.sub("\n", text))
    lines = (line.strip() for line in _BLANK.sub(" ", text).split("\n"))
    return "\n".join(line for line in lines if line)[:MAX_TEXT].rstrip()


def clean_line(text: str | None, limit: int = 500) -> str | None:
    """Return text in normal form on one line, at most `limit` characters; None if nothing is left."""
    if text is None:
        return None
    return clean(text).replace("\n", " ")[:limit].rstrip() or None


def _joined(text: str) -> str:
    if _SURROGATE.search(text) is None:
        return text
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    return "".join(char for char in joined if not "\ud800" <= char <= "\udfff")


def hashtags(text: str) -> tuple[str, ...]:
    """Return the names between two # marks, in order, each once."""
    if "#" not in text:
        return ()
    names = (name.removesuffix("[话题]").strip() for name in _HASHTAG.findall(text))
    return tuple(dict.fromkeys(name for name in names if name))


def at_names(text: str) -> tuple[str, ...]:
    """Return the names after @ in plain text, in order, each once; mail addresses are none."""
    return tuple(dict.fromkeys(_AT.findall(text)))


def unwrap(url: str) -> str:
    """Return the target of a platform's jump link, or the link itself."""
    try:
        parts = urlsplit(url)
        name = _WRAPPERS.get(parts.hostname or "")
        if name and (parts.path.rstrip("/") == "/sinaurl" or name == "target"):
            target = parse_qs(parts.query).get(name, [""])[0]
            return target if target.startswith(("http://", "https://")) else url
    except ValueError:
        return url
    return url


def crowded(source: str) -> bool:
    """Say whether a tag has 2,000 attributes or more, which no page for people has."""
    if _LONG.search(source) is None and _QUOTED.search(source) is None:
        return False
    return _CROWD.match(source) is not None


def html_to_text(fragment: str, base_url: str = "") -> Rich:
    """Return the readable text of an HTML fragment with its links.

    Args:
        fragment: HTML or plain text; what exceeds 1,000,000 characters is cut off.
        base_url: Address against which relative links are read; empty = they are dropped.
    """
    scan = _Scan(base_url)
    scan.read(fragment[:_MAX_FRAGMENT])
    return scan.result()


class _Scan:
    """State of one scan over a fragment."""

    def __init__(self, base_url: str) -> None:
        self._base = base_url
        self._parts: list[str] = []
        self._anchor: tuple[int, str] | None = None
        self._links: dict[str, None] = {}
        self._names: dict[str, None] = {}
        self._more = False

    def read(self, source: str) -> None:
        """Scan the fragment from end to end."""
        at = 0
        while True:
            start = source.find("<", at)
            if start < 0:
                self._parts.append(html.unescape(source[at:]))
                return
            if start > at:
                self._parts.append(html.unescape(source[at:start]))
            at = self._markup(source, start)

    def _markup(self, source: str, start: int) -> int:
        if source.startswith("<!--", start):
            end = source.find("-->", start + 4)
            return len(source) if end < 0 else end + 3
        if source.startswith("<![CDATA[", start):
            return start + 9
        if source.startswith(("<!", "<?"), start):
            end = source.find(">", start)
            return len(source) if end < 0 else end + 1
        match = _TAG.match(source, start) or _SLOPPY_TAG.match(source, start)
        if match is None:
            self._parts.append("<")
            return start + 1
        name = match[2].lower().rpartition(":")[2]
        if name in _SKIPPED:
            if match[1] or match[3].endswith("/"):
                return match.end()
            close = _SKIP_END[name].search(source, match.end())
            return close.end() if close else len(source)
        self._tag(name, closing=bool(match[1]), attributes=match[3])
        return match.end()

    def _tag(self, name: str, *, closing: bool, attributes: str) -> None:
        if name == "a":
            self._end_anchor()
            if not closing:
                self._anchor = (len(self._parts), _attributes(attributes).get("href", ""))
        elif name in _BREAKING:
            self._parts.append("\n")
        elif name in _SPACING:
            self._parts.append(" ")
        elif name == "img" and not closing:
            self._image(_attributes(attributes))

    def _image(self, attributes: dict[str, str]) -> None:
        alt = attributes.get("alt", "").strip()
        if alt and (_EMOJI_ALT.fullmatch(alt) or _EMOJI_CLASS.search(attributes.get("class", ""))):
            self._parts.append(alt[:24])

    def _end_anchor(self) -> None:
        if self._anchor is None:
            return
        start, href = self._anchor
        self._anchor = None
        visible = clean("".join(self._parts[start:]))
        if _MORE.fullmatch(visible) or _LESS.fullmatch(visible):
            self._more |= bool(_MORE.fullmatch(visible))
            del self._parts[start:]
        elif visible.startswith("@") and len(visible) > 1:
            self._names[visible[1:31]] = None
        elif not visible.startswith("#"):
            self._link(href.strip())

    def _link(self, href: str) -> None:
        try:
            target = unwrap(urljoin(self._base, href))
        except ValueError:
            return
        if target.lower().startswith(("http://", "https://")) and len(target) <= 2_048 and len(self._links) < 200:
            self._links[clean_line(target, 2_048) or ""] = None

    def result(self) -> Rich:
        """Return what was read."""
        self._end_anchor()
        text = clean("".join(self._parts))
        if _TAIL_MORE.search(text[-40:]):
            text, self._more = _TAIL_MORE.sub("", text), True
        text = _TAIL_LESS.sub("", text) if _TAIL_LESS.search(text[-40:]) else text
        return Rich(text=text, links=tuple(self._links), at_users=tuple(self._names), truncated=self._more)


def _attributes(source: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(source[:20_000]):
        found.setdefault(match[1].lower(), html.unescape(match[2] or match[3] or match[4] or ""))
    return found
