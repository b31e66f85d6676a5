"""An author's name and words are gone from every place that holds text, and nobody else's are."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from alerts.report import AlertReport, ReportAuthor, ReportStory
from config.settings import Settings
from domain.codec import to_json
from domain.incident import DeliveryKind, DeliveryState, IncidentNote, Severity
from domain.mention import Author, Engagement, Kind, Mention, RepostOf
from domain.ports import DeskChange
from domain.query import parse
from domain.source import VisitState
from service import wiring
from service.erase import Asked, erase
from storage.scrub import Erased, scrub_mention, scrub_plain, scrub_text
from storage.state.database import Database
from tests.elasticsearch_node.fixture import drop, elasticsearch_url, open_elastic
from tests.postgres_node import postgres
from tests.service.conftest import CONFIG, Cli
from tests.storage.desk_sample import delivery, evaluation, incident, silence
from tests.storage.sample import NOW, N, mention, tagging

__all__ = ["elasticsearch_url"]

NAME = "赵秋娘qnz77"
WORDS = "独此一句wxq55"
"""His own words, which others embed and quote."""
HE = Author(name=NAME, id="u-zhao-1")


def installation(folder: Path, extra: str = "") -> Settings:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tingfeng.yaml"
    path.write_text(CONFIG + extra, encoding="utf-8")
    return wiring.load_settings(path)


def his(number: int, words: str = WORDS) -> Mention:
    tags = replace(tagging({"yunshan": N}), keywords=(NAME, "咖啡"))
    return mention(f"z{number}", f"{words} 云杉咖啡 {NAME}", author=HE, tags=tags if number % 2 else None, title=NAME)


def others() -> list[Mention]:
    """Return what others wrote with him in it, in every field that can hold him."""
    tags = replace(tagging({"yunshan": N}), keywords=(f"{NAME}的", "咖啡"))
    plain = mention("o1", f"说得对 @{NAME} 支持", tags=tags, author=Author(name="李雷", id="u-li"))
    post = replace(
        mention("o2", f"转发//@{NAME}: {WORDS} 云杉咖啡//@韩梅梅:同意").post,
        kind=Kind.REPOST,
        own_text="转发",
        repost_of=RepostOf(id="z1", url="https://weibo.example/z1", author=NAME, text=WORDS, available=True),
        at_users=(NAME, "韩梅梅"),
        links=(f"https://weibo.example/n/{NAME}", "https://weibo.example/z1", "https://weibo.example/ok"),
        outlet=NAME,
        extra=(("from", NAME), ("via", "手机")),
        tags=(f"{NAME}加油",),
    )
    nested = replace(post, native_id="o3", repost_of=RepostOf(author="韩梅梅", text=f"同意//@{NAME}:{WORDS}"))
    return [plain, replace(plain, id="weibo:o2", post=post), replace(plain, id="weibo:o3", post=nested)]


def report() -> str:
    story = ReportStory(id="weibo:z1", quote=WORDS, url="https://weibo.example/z1", mentions=3, platform="weibo")
    return to_json(
        AlertReport(
            kind=DeliveryKind.FIRING,
            incident="AB2CD",
            seq=1,
            severity=Severity.CRITICAL,
            brand="云杉咖啡",
            rule="负面激增",
            quote=WORDS,
            quote_url="https://weibo.example/z1",
            author=ReportAuthor(name=NAME, platform="weibo", followers=3),
            first_publisher=NAME,
            stories=(replace(story, outlet=NAME), replace(story, id="weibo:ok", url=None, quote="别人的话")),
            notes=(f"王敏: 作者是{NAME}",),
        )
    )


def plant(settings: Settings) -> None:
    """Put him into every place that holds text."""
    stores = wiring.open_stores(settings)
    stores.mentions.put([his(1, f"改之前的{WORDS}"), his(2)], now=NOW)
    for likes in (1, 2):
        changed = his(1)
        post = replace(changed.post, engagement=Engagement(likes=likes))
        stores.mentions.put([replace(changed, post=post, last_collected_at=NOW + timedelta(hours=likes))], now=NOW)
    stores.mentions.put([*others(), mention("ok", "云杉咖啡不错"), mention("k1", NAME, platform="zhihu")], now=NOW)
    stores.inbox.append([his(3), his(5)], now=NOW)
    for row in stores.inbox.lease(owner="w", limit=9, lease=timedelta(minutes=1), now=NOW):
        if row.mention.id.endswith("z3"):  # what was acknowledged lies on free pages
            stores.inbox.ack([row.row], [], owner="w", now=NOW)
        else:
            stores.inbox.dead_letter(row.row, reason=f"refused: {NAME}", owner="w", now=NOW)
    waiting = [his(7), replace(others()[1], id="weibo:o4")]
    stores.inbox.append([*waiting, mention("odd"), mention("odd2")], now=NOW)
    for row in stores.inbox.lease(owner="w", limit=9, lease=timedelta(minutes=1), now=NOW):
        if "odd" in row.mention.id:
            stores.inbox.dead_letter(row.row, reason=f"KeyError: {NAME}", owner="w", now=NOW)
    stores.state.visits.save(VisitState(source="news", platform="weibo", due_at=NOW, last_detail=f"page of {NAME}"))
    desk = stores.state.desk
    noted = replace(
        incident(),
        reason=json.dumps({"kind": "match", "who": NAME, "deep": json.dumps({"w": NAME})}, ensure_ascii=False),
        notes=(IncidentNote(at=NOW, by="王敏", action="note", text=f"作者 {NAME} 已联系"),),
    )
    told = [
        replace(delivery(1), payload=report(), state=DeliveryState.DELIVERED, answer=f"ok {NAME}"),
        replace(delivery(1, channel="wecom_robot"), payload=report()),
    ]
    looks = replace(evaluation(), reason=json.dumps({"author": NAME}, ensure_ascii=False))
    desk.commit(DeskChange(incidents=(noted,), deliveries=tuple(told), evaluations=(looks,)), now=NOW)
    desk.add_silence(replace(silence("s1", start=0, end=60), comment=f"{NAME} 是自己人"))
    stores.close()
    database = Database(wiring.state_url(settings))
    with database.write() as connection:
        unreadable = text("UPDATE dead_letters SET doc = :doc WHERE mention = 'weibo:odd'")
        connection.execute(unreadable, {"doc": f'{{"post": "{NAME} {WORDS}'})
    database.close()


def found_in(folder: Path) -> list[str]:
    """Return the files below a folder that hold his name, part of it, or his words."""
    needles = [NAME.encode(), b"qnz77", WORDS.encode(), b"wxq55", b"u-zhao-1"]
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [path.name for path in files if any(needle in path.read_bytes() for needle in needles)]


def rows_of(settings: Settings) -> str:
    """Return everything that any row of the state holds, as text."""
    database = Database(wiring.state_url(settings))
    try:
        with database.read() as connection:
            tables = database_tables(connection)
            return "\n".join(
                repr(row) for table in tables for row in connection.execute(text(f"SELECT * FROM {table}"))
            )
    finally:
        database.close()


def database_tables(connection: object) -> list[str]:
    from sqlalchemy import inspect

    return list(inspect(connection).get_table_names())  # type: ignore[union-attr]  # an inspector of a connection


def check_what_stays(settings: Settings) -> None:
    """Assert that nobody else lost anything."""
    stores = wiring.open_stores(settings)
    page = {each.id: each for each in stores.mentions.search(parse("*"), now=NOW, limit=99).mentions}
    assert set(page) == {"weibo:o1", "weibo:o2", "weibo:o3", "weibo:ok", "zhihu:k1"}
    assert page["zhihu:k1"].post.text == NAME, "the same name elsewhere is somebody else"
    assert page["weibo:o1"].post.text == "说得对 @*** 支持" and page["weibo:o1"].post.author.name == "李雷"
    repost = page["weibo:o2"].post
    assert repost.text == "转发//@***//@韩梅梅:同意" and repost.own_text == "转发"
    assert repost.repost_of == RepostOf() and repost.at_users == ("韩梅梅",)
    assert repost.links == ("https://weibo.example/ok",) and repost.extra == (("from", "***"), ("via", "手机"))
    nested = page["weibo:o3"].post.repost_of
    assert nested == RepostOf(author="韩梅梅", text="同意//@***")
    assert stores.mentions.count(parse("支持"), now=NOW) == 1 and stores.mentions.count(parse("云杉咖啡"), now=NOW) >= 1
    (note,) = stores.state.desk.incidents()[0].notes
    assert (note.by, note.text) == ("王敏", "作者 *** 已联系")
    payloads = [json.loads(each.payload) for each in stores.state.desk.deliveries()]
    for payload in payloads:
        assert payload["author"]["name"] == payload["quote"] == "***" and payload["stories"][1]["quote"] == "别人的话"
        assert payload["brand"] == "云杉咖啡" and payload["notes"] == ["王敏: 作者是***"]
    assert stores.state.desk.silences()[0].comment == "*** 是自己人"
    assert stores.inbox.depth() == 1 and [each[1] for each in stores.inbox.dead_letters()] == ["weibo:odd2"]
    assert stores.inbox.append([his(1, "又来")], now=NOW).known == 1, "a visit does not bring him back"
    stores.close()


def without_namesake(settings: Settings) -> None:
    """Delete the namesake on another platform, so that a search of raw files finds only the author."""
    stores = wiring.open_stores(settings)
    stores.mentions.erase_author(platform="zhihu", name="用户k1")
    stores.mentions.compact()
    stores.close()


@pytest.mark.slow
@pytest.mark.parametrize("asked", [{"author_id": HE.id}, {"name": NAME}, {"author_id": HE.id, "name": NAME}])
def test_nothing_of_an_author_is_left_anywhere(tmp_path: Path, asked: dict[str, str]) -> None:
    settings = installation(tmp_path / "a")
    plant(settings)
    (settings.data_dir / "state.db.before-0003").write_bytes((settings.data_dir / "state.db").read_bytes())
    assert {"mentions.db", "state.db"} <= {name.removesuffix("-wal") for name in found_in(settings.data_dir)}
    before = found_in(settings.data_dir)
    said: list[str] = []
    who = Asked(platform="weibo", **asked)
    assert erase(settings, who, said.append, now=NOW) == 0
    assert found_in(settings.data_dir) == before and "nothing was changed; add --yes to erase it" in said
    assert "mentions that he wrote: 2" in said and "mentions of others that name or embed him: 3" in said
    assert {line.split(", ")[1] for line in said if line.startswith("rows of the state")} == {
        *("dead_letters: 3", "deliveries: 2", "evaluations: 1", "inbox: 2", "incidents: 1", "silences: 1", "visits: 1"),
    }
    code = erase(settings, who, said.append, yes=True, now=NOW)
    check_what_stays(settings)
    assert code == 1 and any("still in mentions.db" in line for line in said), "the namesake's post is said"
    without_namesake(settings)
    stores = wiring.open_stores(settings)
    stores.state.compact()
    stores.close()
    assert found_in(settings.data_dir) == []
    assert not list(settings.data_dir.glob("*.before-*")) and any("state.db.before-0003" in line for line in said)
    assert any("backups" in line and "not reached" in line for line in said)


def test_a_pseudonym_is_found_by_the_native_id(tmp_path: Path) -> None:
    settings = installation(tmp_path / "a", "privacy: {pseudonymize_authors: true}\n")
    stores = wiring.open_stores(settings)
    stores.inbox.append([mention("z1", "云杉咖啡", author=HE)], now=NOW)
    (row,) = stores.inbox.lease(owner="w", limit=1, lease=timedelta(minutes=1), now=NOW)
    assert row.mention.post.author.id != HE.id
    stores.mentions.put([row.mention], now=NOW)
    stores.inbox.ack([row.row], [], owner="w", now=NOW)
    stores.close()
    assert erase(settings, Asked(platform="weibo", author_id=HE.id), lambda _: None, yes=True, now=NOW) == 0
    stores = wiring.open_stores(settings)
    assert stores.mentions.count(parse("*"), now=NOW) == 0
    stores.close()


def test_the_command_asks_first(cli: Cli, tmp_path: Path) -> None:
    settings = installation(tmp_path / "a")
    plant(settings)
    path = str(settings.path)
    assert cli("erase", "--platform", "weibo", "-c", path).code == 2
    preview = cli("erase", "--platform", "weibo", "--name", NAME, "-c", path)
    assert preview.code == 0 and "add --yes" in preview.out
    assert cli("erase", "--platform", "weibo", "--name", NAME, "--yes", "-c", path).code == 1
    again = cli("erase", "--platform", "weibo", "--name", NAME, "-c", path)
    assert "mentions that he wrote: 0" in again.out and "rows of the state" not in again.out


# --- pure ------------------------------------------------------------------------------------------------------


def test_a_short_name_is_taken_out_of_the_texts_of_others_only_after_an_at() -> None:
    who = Erased(platform="weibo", names=frozenset({"张三"}))
    assert (
        scrub_text("张三丰和@张三 说@张三丰好//@张三：不好//@李四:好", who)
        == "张三丰和@*** 说@张三丰好//@***//@李四:好"
    )
    same = mention("1", "张三丰", author=Author(name="李四"))
    assert scrub_mention(same, who) is same
    elsewhere = replace(same, post=replace(same.post, platform="zhihu", text="@张三"))
    assert scrub_mention(elsewhere, who) is elsewhere


def test_records_of_our_staff_stay() -> None:
    who = Erased(platform="weibo", names=frozenset({"王敏"}))
    before = {"by": "王敏", "acked_by": "王敏", "text": "王敏说了", "brand": "王敏"}
    assert scrub_plain(before, who) == before | {"text": "***说了"}


# --- engines ---------------------------------------------------------------------------------------------------


@pytest.mark.pg
def test_nothing_is_left_in_postgresql(tmp_path: Path) -> None:
    settings = installation(tmp_path / "a", f"storage: {{state: '{postgres().empty()}'}}\n")
    plant(settings)
    assert NAME in rows_of(settings)
    erase(settings, Asked(platform="weibo", author_id=HE.id), lambda _: None, yes=True, now=NOW)
    left = rows_of(settings)
    assert NAME not in left and WORDS not in left
    check_what_stays(settings)


@pytest.fixture
def elastic_settings(tmp_path: Path, elasticsearch_url: str) -> Iterator[Settings]:
    store = open_elastic(elasticsearch_url)
    place = f"elasticsearch_url: '{elasticsearch_url}', index_prefix: '{store.indices.alias}', index_refresh: 10ms"
    yield installation(tmp_path / "e", f"storage: {{mentions: elasticsearch, {place}}}\n")
    drop(store)


@pytest.mark.es
def test_nothing_is_left_in_elasticsearch(elastic_settings: Settings) -> None:
    plant(elastic_settings)
    assert erase(elastic_settings, Asked(platform="weibo", name=NAME), lambda _: None, yes=True, now=NOW) == 0
    check_what_stays(elastic_settings)
    store = wiring.open_elastic(elastic_settings)
    everything = json.dumps([each.plain for each in store.walk() if each.plain["id"] != "zhihu:k1"], ensure_ascii=False)
    assert NAME not in everything and WORDS not in everything and "qnz77" not in everything
    store.close()
