"""What only the whole of a settings file can show: names that stand twice, names that lead nowhere."""

from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from typing import Any
from urllib.parse import urlsplit

from yaml.nodes import MappingNode, ScalarNode, SequenceNode

from config.document import scalar_text
from config.errors import quote
from config.marks import Url
from config.packaged import entry_text
from config.reader import Entries, Reader
from config.settings import ReceiverSettings, Settings
from config.trust import ca_problem
from config.values import ValueProblem, check_marks, check_query, nearest

__all__ = ["check_references"]

_TRANSPORTS = ("open", "cookie", "official", "rsshub", "browser", "file")
_PROXY_WORDS = ("env", "none")
_PROXY_URL = Url(schemes=("http", "https", "socks5", "socks5h"))
_SECRET_CHARS = 24
_NEEDS_URL = ("article", "feed")
_ROADS = frozenset({"article", "baidu", "feed", "gdelt", "import", "rsshub", "sitemap", "websearch"})
"""Platforms that only lead to others: nobody has an account there."""
_QUERY_OPTIONS = ("query", "filter", "match")


def check_references(
    reader: Reader, settings: Settings, entries: Entries, *, need_brand: bool, platforms: Iterable[str] = ()
) -> None:
    """Note every broken reference in `reader`; `platforms` are those that there are.

    Names count as known when they stand in the file, even if the rest of their entry is wrong.
    """
    brands = _names(entries, "brands", "id") | _names(entries, "brands", "name") | {one.id for one in settings.brands}
    receivers = _names(entries, "receivers", "name")
    _check_twice(reader, settings)
    _check_brand_references(reader, entries, brands)
    _check_receiver_references(reader, settings, entries, receivers)
    _check_sources(reader, entries)
    _check_accounts(reader, settings, entries, {*platforms} - _ROADS)
    _check_proxies(reader, entries)
    _check_rule_queries(reader, settings, entries)
    _check_kibana(reader, settings)
    _check_heartbeat(reader, settings)
    _check_ingest(reader, settings)
    _check_ca(reader, settings)
    if need_brand and not brands:
        fix = "such as: brands: [{id: yunshan, name: 云杉咖啡}]"
        reader.note_at("brands", "no brand is watched", fix)


def _names(entries: Entries, key: str, field: str) -> set[str]:
    node = entries[key][1] if key in entries else None
    if not isinstance(node, SequenceNode):
        return set()
    return {entry_text(item, field) for item in node.value} - {""}


def _items(entries: Entries, key: str) -> Iterable[tuple[str, MappingNode]]:
    node = entries[key][1] if key in entries else None
    if isinstance(node, SequenceNode):
        for number, item in enumerate(node.value):
            if isinstance(item, MappingNode):
                yield f"{key}[{number}]", item


def _texts(node: MappingNode, key: str) -> list[str]:
    for field, value in node.value:
        if getattr(field, "value", None) == key:
            parts = value.value if isinstance(value, SequenceNode) else [value]
            return [scalar_text(part) for part in parts if isinstance(part, ScalarNode)]
    return []


def _check_kibana(reader: Reader, settings: Settings) -> None:
    """The address stands in messages to many people, so nothing secret may stand in it."""
    parts = urlsplit(settings.kibana.url or "")
    if "@" in parts.netloc:
        reader.note_at("kibana.url", "a login stands in the address", "give kibana.user and kibana.password instead")
    elif parts.query or parts.fragment:
        reader.note_at("kibana.url", "the address goes on behind the path", "stop before the first ? or #")


def _check_heartbeat(reader: Reader, settings: Settings) -> None:
    """The address is a secret, so the reader took it as any text."""
    url = settings.heartbeat.url.reveal() if settings.heartbeat.url else ""
    parts = urlsplit(url) if url.isprintable() and " " not in url else urlsplit("")
    if url and not (parts.scheme in ("http", "https") and parts.hostname):
        fix = "such as: https://hc-ping.com/your-uuid, best as ${HEARTBEAT_URL}"
        reader.note_at("heartbeat.url", "not an address", fix)
    if settings.heartbeat.daily_hour is not None and settings.operator is None:
        reader.note_at("heartbeat.daily_hour", "nobody is told: operator is not set", "set operator to a receiver")


def _check_ingest(reader: Reader, settings: Settings) -> None:
    """Who guesses a secret sends what he likes."""
    for number, partner in enumerate(settings.ingest.partners):
        if len(partner.secret.reveal()) < _SECRET_CHARS:
            fix = f"{_SECRET_CHARS} characters or more, such as `openssl rand -hex 32` makes them"
            reader.note_at(f"ingest.partners[{number}].secret", "too short to sign requests", fix)


def _check_ca(reader: Reader, settings: Settings) -> None:
    """A file that went missing would make every source and channel unreachable at once."""
    if settings.network.ca is not None and (problem := ca_problem(settings.network.ca)):
        reader.note_at("network.ca", problem, "name a PEM file (-----BEGIN CERTIFICATE-----) that the service may read")


def _check_twice(reader: Reader, settings: Settings) -> None:
    for key, names in (
        ("brands", [one.id for one in settings.brands]),
        ("sources", [one.name for one in settings.sources]),
        ("rules", [one.name for one in settings.rules]),
        ("receivers", [one.name for one in settings.receivers]),
        ("topics", [one.id for one in settings.topics]),
        ("risks", [one.id for one in settings.risks]),
    ):
        for name in sorted({name for name in names if names.count(name) > 1}):
            fix = "give each source its own `name`" if key == "sources" else "rename or delete one of them"
            reader.note_at(key, f"{names.count(name)} entries are called {quote(name)}", fix)


def _known(reader: Reader, path: str, name: str, names: set[str], what: str) -> None:
    if name and "${" not in name and name not in names:
        near = nearest(name, sorted(names))
        choices = f"known: {', '.join(sorted(names))}" if names else f"the file has no {what} yet"
        reader.note_at(path, f"there is no {what} {quote(name)}", f"did you mean `{near}`?" if near else choices)


def _check_brand_references(reader: Reader, entries: Entries, brands: set[str]) -> None:
    for key in ("sources", "rules"):
        for path, node in _items(entries, key):
            for name in _texts(node, "brands"):
                _known(reader, f"{path}.brands", name, brands, "brand")


def _check_receiver_references(reader: Reader, settings: Settings, entries: Entries, receivers: set[str]) -> None:
    for path, node in _items(entries, "receivers"):
        name, fallback = entry_text(node, "name"), entry_text(node, "fallback")
        _known(reader, f"{path}.fallback", fallback, receivers, "receiver")
        if fallback and fallback == name:
            reader.note_at(f"{path}.fallback", "a receiver cannot be its own fallback")
    for cycle in _fallback_cycles(settings.receivers):
        reader.note_at("receivers", f"fallbacks lead in a circle: {' → '.join(cycle)}", "end it at one of them")
    for path, node in _items(entries, "routes"):
        _known(reader, f"{path}.to", entry_text(node, "to"), receivers, "receiver")
        steps = next((value for key, value in node.value if getattr(key, "value", "") == "escalate"), None)
        for number, step in enumerate(steps.value if isinstance(steps, SequenceNode) else []):
            _known(reader, f"{path}.escalate[{number}].to", entry_text(step, "to"), receivers, "receiver")
    for number, route in enumerate(settings.routes if not reader.problems else ()):
        moments = [step.after for step in route.escalate]
        if moments != sorted(set(moments)):
            path = f"routes[{number}].escalate"
            reader.note_at(path, "the steps are not in order", "each `after` must be longer than the one before")
    operator = entries["operator"][1] if "operator" in entries else None
    if isinstance(operator, ScalarNode) and not reader.is_null(operator):
        _known(reader, "operator", scalar_text(operator), receivers, "receiver")


def _fallback_cycles(receivers: Sequence[ReceiverSettings]) -> list[list[str]]:
    after = {one.name: one.fallback for one in receivers if one.fallback and one.fallback != one.name}
    cycles: list[list[str]] = []
    seen: set[str] = set()
    for start in after:
        chain = [start]
        while (following := after.get(chain[-1])) and following not in chain:
            chain.append(following)
        if following == start and start not in seen:
            cycles.append([*chain, start])
            seen |= set(chain)
    return cycles


def _check_sources(reader: Reader, entries: Entries) -> None:
    for path, node in _items(entries, "sources"):
        if entry_text(node, "platform") in _NEEDS_URL and not _texts(node, "url"):
            reader.note_at(path, f"platform `{entry_text(node, 'platform')}` needs the key `url`", "url: its address")
        for transport in _texts(node, "transport"):
            if transport not in _TRANSPORTS:
                near = nearest(transport, _TRANSPORTS)
                fix = f"did you mean `{near}`?" if near else f"one of: {', '.join(_TRANSPORTS)}"
                reader.note_at(f"{path}.transport", f"unknown transport {quote(transport)}", fix)
            if transport == "cookie" and not _secret(node, "cookie"):
                reader.note_at(path, "transport `cookie` needs the key `cookie`", "such as: cookie: ${COOKIE}")
            if transport == "official":
                _check_key(reader, path, node)


def _secret(node: MappingNode, key: str) -> bool:
    return bool(_texts(node, key) or _texts(node, f"{key}_file"))


def _check_key(reader: Reader, path: str, node: MappingNode) -> None:
    """Transport `official` needs a token, or the id and secret of an application that is given one."""
    token, id, secret = _secret(node, "token"), bool(_texts(node, "client_id")), _secret(node, "client_secret")
    if token and (id or secret):
        fix = "keep `token`, or `client_id` and `client_secret`, with which the token is fetched by itself"
        reader.note_at(path, "both `token` and an application's id or secret are given", fix)
    elif id and not secret:
        reader.note_at(path, "`client_id` needs `client_secret`", "such as: client_secret: ${CLIENT_SECRET}")
    elif secret and not id:
        reader.note_at(path, "`client_secret` needs `client_id`", "client_id: the id of the same application")
    elif not token and not id:
        fix = "such as: token: ${TOKEN}; or client_id and client_secret, where the platform gives tokens for them"
        reader.note_at(path, "transport `official` needs the key `token`", fix)


def _check_accounts(reader: Reader, settings: Settings, entries: Entries, platforms: set[str]) -> None:
    brands = _names(entries, "brands", "id") | {one.id for one in settings.brands}
    for path, node in _items(entries, "accounts"):
        _known(reader, f"{path}.platform", entry_text(node, "platform"), platforms, "platform with accounts")
        brand = entry_text(node, "brand")
        _known(reader, f"{path}.brand", "" if brand in ("~", "null") else brand, brands, "brand")
        id = entry_text(node, "id")
        if id != "".join(id.split()):
            reader.note_at(f"{path}.id", "an id has no blanks", "write it as it stands in the account's address")
    seen: dict[tuple[str, str], int] = {}
    for number, account in enumerate(settings.accounts):
        first = seen.setdefault((account.platform, account.id.casefold()), number)
        if first != number:
            problem = f"the account {quote(account.id)} of {account.platform} stands twice"
            reader.note_at(f"accounts[{number}]", problem, f"keep this one or accounts[{first}]")


def _check_proxies(reader: Reader, entries: Entries) -> None:
    places = [(path, node) for key in ("sources", "receivers") for path, node in _items(entries, key)]
    if "network" in entries and isinstance(entries["network"][1], MappingNode):
        places.append(("network", entries["network"][1]))
    values = [(f"{path}.proxy", text) for path, node in places for text in _texts(node, "proxy")]
    top = entries["proxy"][1] if "proxy" in entries else None
    if isinstance(top, ScalarNode):
        values.append(("proxy", scalar_text(top)))
    for path, text in values:
        if text in _PROXY_WORDS or not text or "${" in text or text in ("~", "null"):
            continue
        try:
            check_marks((_PROXY_URL,), text, shown=text)
        except ValueProblem as problem:
            reader.note_at(path, problem.problem, "a proxy is an address, `env` or `none`")


def _check_rule_queries(reader: Reader, settings: Settings, entries: Entries) -> None:
    """Parse the queries among a rule's own settings that carry no mark."""
    places = {entry_text(node, "name"): path for path, node in _items(entries, "rules")}
    for rule in settings.rules:
        for name, query in _queries(rule.options):
            try:
                check_query(query)
            except ValueProblem as problem:
                reader.note_at(f"{places.get(rule.name, 'rules')}.{name}", problem.problem, problem.fix)


def _queries(options: Any) -> Iterable[tuple[str, str]]:
    if is_dataclass(options):
        for one in fields(options):
            value = getattr(options, one.name)
            if one.name in _QUERY_OPTIONS and isinstance(value, str):
                yield one.name, value
