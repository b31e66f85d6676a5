r"""Words of the query language: quoted strings, unquoted runs, keywords, blanks.

The rules are those of Kibana's KQL: an unquoted run of words is one value; a keyword
counts only between blanks (`not` also inside a run); a backslash escapes special
characters, blanks as `\t \r \n`, code units as `\uXXXX` and the keywords.
"""

import re
from dataclasses import dataclass

from domain.query.ast import Pattern

__all__ = ["AND", "BLANK", "NEAR", "NOT", "OR", "SPECIAL", "Literal", "read_literal", "skip_blanks", "trim"]

BLANK = " \t\r\n\u00a0"
"""Characters that separate keywords."""
SPECIAL = '\\():<>"*{}'
"""Characters that an unquoted run holds only after a backslash."""

OR = re.compile(rf"[{BLANK}]+or[{BLANK}]+", re.IGNORECASE | re.ASCII)
AND = re.compile(rf"[{BLANK}]+and[{BLANK}]+", re.IGNORECASE | re.ASCII)
NOT = re.compile(rf"not[{BLANK}]+", re.IGNORECASE | re.ASCII)
NEAR = re.compile(rf'[{BLANK}]+near/([0-9]{{1,9}})(?:[{BLANK}]+|(?=[()"])|\Z)', re.IGNORECASE | re.ASCII)

_BLANKS = re.compile(rf"[{BLANK}]*")
_QUOTED = re.compile(r'"((?:\\[\\"]|[^"])*+)"')
_PLAIN = re.compile(r"[^\\():<>\"*{}nN \t\r\n\u00a0]+")
_UNIT = re.compile(r"u([0-9a-fA-F]{4})")
_WORD_ESCAPE = re.compile(r"or|and|not", re.IGNORECASE | re.ASCII)
_QUOTED_ESCAPE = re.compile(r'\\(?:(["\\])|([trn])|u([0-9a-fA-F]{4}))')
_WHITE = "\t\n\v\f\r \u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000\ufeff"
_CONTROL = {"t": "\t", "r": "\r", "n": "\n"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """A value or a field name as written."""

    parts: tuple[str, ...]
    """Unescaped pieces between unquoted stars; one piece when there is no star."""
    quoted: bool
    """Whether it stood in double quotes."""
    start: int
    """Index of its first character in the query."""

    @property
    def text(self) -> str:
        """The whole with its stars, trimmed unless quoted."""
        return "*".join(self.parts)

    @property
    def pattern(self) -> Pattern | None:
        """The wildcard form; None when there is no unquoted star."""
        return Pattern(parts=self.parts) if len(self.parts) > 1 else None


def trim(text: str) -> str:
    """Strip the characters that Kibana strips from the ends of an unquoted run."""
    return text.strip(_WHITE)


def skip_blanks(text: str, position: int) -> int:
    """Return the index of the first character at or after `position` that is no blank."""
    found = _BLANKS.match(text, position)
    return found.end() if found else position


def read_literal(text: str, position: int, *, near: bool) -> tuple[Literal, int] | None:
    """Read a quoted string or an unquoted run.

    Args:
        text: the whole query.
        position: where the literal starts.
        near: whether `NEAR/n` ends an unquoted run.

    Returns:
        The literal and the index after it (an unquoted run takes its trailing blanks
        along); None if none starts here or its quote is never closed.
    """
    if text.startswith('"', position):
        found = _QUOTED.match(text, position)
        if found is None:
            return None
        value = _encodable(_QUOTED_ESCAPE.sub(_unescape_quoted, found.group(1)))
        return Literal(parts=(value,), quoted=True, start=position), found.end()
    return _read_run(text, position, near)


def _read_run(text: str, position: int, near: bool) -> tuple[Literal, int] | None:
    parts: list[list[str]] = [[]]
    end = position
    while end < len(text):
        char = text[end]
        if char == "*":
            parts.append([])
            end += 1
            continue
        piece, after = _read_piece(text, end, near)
        if after == end:
            break
        parts[-1].append(piece)
        end = after
    if end == position:
        return None
    pieces = [_encodable("".join(part)) for part in parts]
    pieces[0] = pieces[0].lstrip(_WHITE)
    pieces[-1] = pieces[-1].rstrip(_WHITE)
    return Literal(parts=tuple(pieces), quoted=False, start=position), end


def _read_piece(text: str, position: int, near: bool) -> tuple[str, int]:
    """Return the next piece of a run and the index after it; ("", position) at its end."""
    char = text[position]
    if char == "\\":
        return _read_escape(text, position)
    if char in BLANK:
        if OR.match(text, position) or AND.match(text, position) or (near and NEAR.match(text, position)):
            return "", position
        end = skip_blanks(text, position)
        return text[position:end], end
    if char in "nN":
        return ("", position) if NOT.match(text, position) else (char, position + 1)
    found = _PLAIN.match(text, position)
    return (found.group(), found.end()) if found else ("", position)


def _read_escape(text: str, position: int) -> tuple[str, int]:
    following = text[position + 1 : position + 2]
    if following and following in _CONTROL:
        return _CONTROL[following], position + 2
    if following and following in SPECIAL:
        return following, position + 2
    unit = _UNIT.match(text, position + 1)
    if unit:
        return chr(int(unit.group(1), 16)), unit.end()
    word = _WORD_ESCAPE.match(text, position + 1)
    return (word.group(), word.end()) if word else ("", position)


def _unescape_quoted(found: re.Match[str]) -> str:
    plain, control, unit = found.groups()
    if unit:
        return chr(int(unit, 16))
    return _CONTROL[control] if control else str(plain)


def _encodable(text: str) -> str:
    """Join surrogate pairs made by escapes; a lone half becomes U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
