"""Kibana: writing the objects, installing them, reading them back and asking what their panels ask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from config.settings import Settings
from dashboards.errors import DashboardError
from dashboards.kibana import SavedObject, bundle, to_ndjson
from dashboards.kibana.answer import rows_of
from dashboards.kibana.check import field_types, problems
from dashboards.kibana.client import ImportAnswer, Kibana, KibanaAccess
from dashboards.kibana.dataview import RUNTIME_FIELDS
from dashboards.kibana.question import Question, questions
from dashboards.links import dashboard_url, discover_url
from domain.moment import Window
from domain.query import FieldType, parse
from service.clock import running_clock
from service.errors import ServiceError, UsageError

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

__all__ = ["Looked", "Say", "export", "install", "kibana_dsl", "link", "look", "verify"]

Say = Callable[[str], None]
_ZONE = "Asia/Shanghai"
_SHOWN = 10
_LOOK_BACK = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What asking every panel's request gave."""

    asked: Mapping[str, int]
    """Requests by dashboard or saved search."""
    silent: tuple[str, ...] = ()
    """Panels that found nothing in the window; no fault by itself."""
    failed: tuple[str, ...] = field(default=())
    """Panels whose request was refused, with the reason."""


def kibana_dsl(kql: str) -> Mapping[str, Any]:
    """Return what Kibana makes of a query on our data view, in Beijing time.

    Raises:
        domain.query.QueryError: the query cannot be read.
    """
    from storage.mentions.dsl import KIBANA_FIELDS, kibana_query

    fields = {**KIBANA_FIELDS, **{name: kind for name, (kind, _, _) in RUNTIME_FIELDS.items()}}
    return kibana_query(parse(kql, near=False), fields, zone=_ZONE)


def export(out: Path | None, *, index: str, say: Say) -> int:
    """Write the objects to a file, or to standard output; return the exit code.

    Raises:
        ServiceError: the file cannot be written.
    """
    text = to_ndjson(bundle(index))
    if out is None:
        for line in text.splitlines():
            say(line)
        return 0
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as err:
        raise ServiceError(f"{out} cannot be written: {err.strerror}") from err
    say(
        f"已写好 {out}：{_kinds(bundle(index))}。"
        "导入：Kibana 的 Stack Management → Saved Objects → Import，或 tingfeng kibana install"
    )
    return 0


def install(settings: Settings, *, url: str | None, overwrite: bool, check: bool, say: Say) -> int:
    """Import the objects into Kibana, saying what became of each; return the exit code.

    Raises:
        UsageError: no address of Kibana is known.
        dashboards.errors.KibanaError: Kibana is away, or refused the whole import.
    """
    kibana = _kibana(settings, url)
    version = kibana.version()
    objects = bundle(settings.storage.index_prefix)
    answer = kibana.import_objects(to_ndjson(objects), overwrite=overwrite)
    shown = ".".join(str(part) for part in version) if version else "版本未知"
    say(f"Kibana {shown}：收下 {answer.taken} / {len(objects)} 个对象（{_kinds(objects)}）")
    if not _taken(answer, len(objects), say):
        return 1
    kibana.make_default()
    return verify(settings, url=url, say=say) if check else 0


def _taken(answer: ImportAnswer, number: int, say: Say) -> bool:
    for each in answer.problems:
        say(f"FAIL {each.type} {each.title or each.id}: {each.kind} → {each.fix}")
    if answer.success and answer.taken == number:
        return True
    if not answer.problems:
        say("FAIL Kibana 没有说明原因，但没有收下全部对象 → 看 Kibana 日志")
    return False


def verify(settings: Settings, *, url: str | None, say: Say) -> int:
    """Read the objects back from Kibana and ask Elasticsearch what each panel asks; return the exit code.

    Raises:
        UsageError: no address of Kibana, or no Elasticsearch, is known.
        dashboards.errors.KibanaError: Kibana is away, or lacks an object.
        storage.errors.StoreError: Elasticsearch is away or refuses.
    """
    ours = bundle(settings.storage.index_prefix)
    found = _kibana(settings, url).export_objects([(each.type, each.id) for each in ours])
    lost = {(each.type, each.id) for each in ours} - {(each["type"], each["id"]) for each in found}
    for each in ours:
        if (each.type, each.id) in lost:
            say(f"FAIL {each.type} {each.title}: Kibana 里没有 → 再执行一次 tingfeng kibana install")
    if lost:
        return 1
    say(f"ok   Kibana 里有全部 {len(ours)} 个对象")
    client, alias = _elasticsearch(settings)
    try:
        return _ask(client, alias, ours, found, running_clock(settings.data_dir).now(), say)
    finally:
        client.close()


def _ask(
    client: Elasticsearch,
    alias: str,
    ours: Sequence[SavedObject],
    found: Sequence[dict[str, Any]],
    now: datetime,
    say: Say,
) -> int:
    fields = _fields(client, alias)
    window = Window(start=now - _LOOK_BACK, end=now)
    try:
        asked = questions(found, window=window, to_dsl=kibana_dsl)
    except DashboardError as err:
        say(f"note Kibana 里的对象已被改写（新版本的形式，或有人编辑过）：{err}。改问随产品写出的对象")
        found = [each.json() for each in ours]
        asked = questions(found, window=window, to_dsl=kibana_dsl)
    wrong = problems(found, fields, exported=True)
    for said in wrong[:_SHOWN]:
        say(f"FAIL {said}")
    looked = look(client, alias, asked)
    for board, number in looked.asked.items():
        say(f"ok   {board}：{number} 个请求" if not _of(board, looked.failed) else f"FAIL {board}：见下")
    for said in looked.failed[:_SHOWN]:
        say(f"FAIL {said}")
    if looked.silent:
        say(f"note 近 30 天没有数据的面板 {len(looked.silent)} 个：{'、'.join(looked.silent[:_SHOWN])}")
    return 1 if wrong or looked.failed else 0


def _of(board: str, failed: Sequence[str]) -> bool:
    return any(each.startswith(f"{board} / ") for each in failed)


def look(client: Elasticsearch, alias: str, asked: Sequence[Question]) -> Looked:
    """Ask every request; a refused one is told with Elasticsearch's reason.

    Raises:
        storage.errors.StoreError: the cluster is away, or refuses the login.
    """
    from elasticsearch import BadRequestError

    from storage.mentions.elastic.errors import answered

    counted: Counter[str] = Counter()
    silent, failed = [], []
    for each in asked:
        name = f"{each.board} / {each.panel}"
        counted[each.board] += 1
        with answered("ask for a panel"):
            try:
                answer = client.search(index=alias, body=each.body).body
            except BadRequestError as err:
                failed.append(f"{name}: {_reason(err.body)}")
                continue
        shards = answer["_shards"]
        if shards["failed"]:
            failed.append(f"{name}: {_reason(shards['failures'][0])}")
        elif not answer["hits"]["total"]["value"] or (each.columns and not rows_of(each, answer)):
            silent.append(name)
    return Looked(asked=dict(counted), silent=tuple(silent), failed=tuple(failed))


def _reason(body: object) -> str:
    """Return the innermost reason that Elasticsearch gives, on one line."""
    said = str(body)
    while isinstance(body, dict):
        if isinstance(body.get("reason"), str):
            said = body["reason"]
        roots = body.get("failed_shards") or body.get("root_cause")
        body = body.get("error") or (roots[0] if roots else body.get("reason"))
    return " ".join(said.split())[:300]


def _fields(client: Elasticsearch, alias: str) -> dict[str, FieldType]:
    from storage.mentions.elastic.errors import answered

    with answered("read the mapping"):
        found = client.indices.get_mapping(index=alias, ignore_unavailable=True).body
    if not found:
        raise ServiceError(f"Elasticsearch has no index behind {alias} yet; run `tingfeng run` first, then verify")
    newest = max(found)
    return field_types(found[newest]["mappings"]["properties"])


def link(settings: Settings, query: str, *, url: str | None, board: str | None, hours: float) -> str:
    """Return a link with absolute times to Discover, or to a dashboard.

    Args:
        settings: Settings with `kibana.url`.
        query: Query in the query language; Kibana does not know NEAR.
        url: Address of Kibana; None = that of the settings.
        board: Key of a dashboard, such as crisis-room; None = Discover.
        hours: Length of the window before now, hours.

    Raises:
        UsageError: no address, or no such dashboard.
        domain.query.QueryError: Kibana cannot read the query.
        dashboards.errors.DashboardError: the link would be too long.
    """
    from dashboards.kibana.boards import BOARDS

    base = _address(settings, url)
    if query:
        parse(query, near=False)
    now = running_clock(settings.data_dir).now()
    window = Window(start=now - timedelta(hours=hours), end=now)
    if board is None:
        return discover_url(base, window=window, kql=query, space=settings.kibana.space)
    known = [each.key for each in BOARDS]
    if board not in known:
        raise UsageError(f"no dashboard {board!r}; there are: {', '.join(known)}")
    return dashboard_url(base, board=board, window=window, kql=query, space=settings.kibana.space)


def _address(settings: Settings, url: str | None) -> str:
    base = url or settings.kibana.url
    if base is None:
        raise UsageError("no address of Kibana: set kibana.url, or give --url https://kibana.example.com")
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"--url {base}: write it whole, such as https://kibana.example.com")
    if "@" in parts.netloc:
        raise UsageError("--url: no login in the address; give kibana.user and kibana.password in the settings")
    return base


def _kibana(settings: Settings, url: str | None) -> Kibana:
    given = settings.kibana
    base = _address(settings, url)
    access = KibanaAccess(
        url=base,
        space=given.space,
        api_key=given.api_key,
        user=given.user,
        password=given.password,
        ca=given.ca,
        verify=given.verify_tls,
    )
    return Kibana(access)


def _elasticsearch(settings: Settings) -> tuple[Elasticsearch, str]:
    from storage.mentions.elastic.client import connect, settings_of

    if settings.storage.mentions != "elasticsearch":
        raise UsageError(
            f"storage.mentions is {settings.storage.mentions}: Kibana shows nothing before it is elasticsearch"
        )
    reach = settings_of(settings.storage)
    return connect(reach), reach.prefix


def _kinds(objects: Sequence[SavedObject]) -> str:
    counted = Counter(each.type for each in objects)
    names = (("dashboard", "仪表板"), ("search", "保存的搜索"), ("index-pattern", "数据视图"))
    return "、".join(f"{counted[kind]} 个{name}" for kind, name in names if counted[kind])
