"""Links into Kibana's Discover and dashboards that show the same tomorrow: absolute times only."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from dashboards.errors import DashboardError
from dashboards.kibana import DATA_VIEW_ID, dashboard_id
from domain.moment import Window, to_rfc3339

__all__ = ["MAX_URL_CHARS", "dashboard_url", "discover_url", "kql_value", "rison"]

MAX_URL_CHARS = 2_000
"""Longest link; WeCom takes 2,048 characters, Slack's buttons 3,000."""

_COLUMNS = ("platform", "sentiment", "title", "text", "author.name", "url")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
"""Text that every reader of Rison takes without quotes; they differ on other characters."""
_SAFE = "!'():,*-_."


def rison(value: object) -> str:
    """Write a value as Rison, the compact JSON of Kibana's addresses; not yet percent-encoded.

    Takes mappings with text keys, sequences, text, bool, int, float and None.

    Raises:
        DashboardError: another type.
    """
    match value:
        case None:
            return "!n"
        case bool():
            return "!t" if value else "!f"
        case int() | float():
            return str(value).replace("+", "")
        case str():
            return _text(value)
        case Mapping():
            return "(" + ",".join(f"{_text(str(key))}:{rison(each)}" for key, each in value.items()) + ")"
        case Sequence():
            return "!(" + ",".join(rison(each) for each in value) + ")"
    raise DashboardError(f"no Rison for {type(value).__name__}")


def _text(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    return "'" + value.replace("!", "!!").replace("'", "!'") + "'"


def kql_value(value: str) -> str:
    """Write a value as a quoted term of the query language; control characters become blanks."""
    plain = "".join(char if char.isprintable() else " " for char in value)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def discover_url(
    base: str,
    *,
    window: Window,
    kql: str,
    space: str = "",
    columns: Sequence[str] = _COLUMNS,
    sort: str = "event_at",
) -> str:
    """Return a link to Discover that lists the mentions matching `kql` in `window`, newest first.

    Names the data view in the new form and in the old one, which old and new versions read.

    Args:
        base: Address of Kibana, with its base path if it has one.
        window: Absolute window of event time.
        kql: Query in the query language.
        space: Kibana space; empty = the default one.
        columns: Fields shown.
        sort: Date or number field, highest first.

    Raises:
        DashboardError: the link would be longer than 2,000 characters.
    """
    state = {
        "columns": tuple(columns),
        "dataSource": {"dataViewId": DATA_VIEW_ID, "type": "dataView"},
        "index": DATA_VIEW_ID,
        "query": {"language": "kuery", "query": kql},
        "sort": ((sort, "desc"),),
    }
    return _url(base, space, "discover#/", window, state)


def dashboard_url(base: str, *, board: str, window: Window, kql: str = "", space: str = "") -> str:
    """Return a link to the dashboard with a key such as crisis-room, narrowed to `window` and `kql`.

    Raises:
        DashboardError: the link would be longer than 2,000 characters.
    """
    state = {"query": {"language": "kuery", "query": kql}}
    return _url(base, space, f"dashboards#/view/{dashboard_id(board)}", window, state)


def _url(base: str, space: str, page: str, window: Window, state: Mapping[str, object]) -> str:
    root = base.rstrip("/") + (f"/s/{quote(space, safe='')}" if space else "")
    time = {"time": {"from": to_rfc3339(window.start), "to": to_rfc3339(window.end)}}
    url = f"{root}/app/{page}?_g={quote(rison(time), safe=_SAFE)}&_a={quote(rison(state), safe=_SAFE)}"
    if len(url) > MAX_URL_CHARS:
        raise DashboardError(f"the link to Kibana would have {len(url)} characters, over {MAX_URL_CHARS}")
    return url
