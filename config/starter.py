"""The commented file that a new installation begins with."""

import re
from pathlib import Path

from config.values import slug

__all__ = ["starter"]

_TEMPLATE = Path(__file__).with_name("starter.yaml")


def starter(brand_name: str, query: str | None = None) -> str:
    """Write a starter file in Chinese for one brand.

    Args:
        brand_name: Name as people write it; white space and unprintable signs become single blanks.
        query: Definition in the query language; None = the name as a phrase.

    Returns:
        The text of a settings file that `load` accepts: public feeds and hot lists, no keys,
        receivers commented out.

    Raises:
        ValueError: The name is empty.
    """
    name = _plain(brand_name)
    if not name:
        raise ValueError("the brand's name is empty")
    phrase = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    values = {
        "@ID@": slug(name, "brand"),
        "@NAME@": name,
        "@QUERY@": phrase if query is None else _plain(query),
    }
    text = _TEMPLATE.read_text(encoding="utf-8")
    return re.sub("@[A-Z]+@", lambda found: _quoted(values[found[0]]), text)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''").replace("${", "$${") + "'"


def _plain(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
