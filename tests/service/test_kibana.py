"""`tingfeng kibana`: written, installed, verified, linked to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from dashboards.kibana import bundle, dashboard_id, shipped_text
from domain.moment import Window
from domain.ports import DeskChange
from service import wiring
from tests.dashboards.fake_kibana import FakeKibana, serving
from tests.elasticsearch_node.fixture import drop, elasticsearch_url, open_elastic
from tests.service.conftest import CONFIG, Cli
from tests.service.test_desk import INCIDENT
from tests.service.test_desk import NOW as INCIDENT_NOW
from tests.storage.sample import NOW, N, mention

__all__ = ["elasticsearch_url"]


@pytest.fixture
def fake() -> Iterator[FakeKibana]:
    with serving(FakeKibana(api_key="sesame")) as found:
        yield found


def write(path: Path, fake: FakeKibana, more: str = "") -> None:
    path.write_text(f"{CONFIG}kibana: {{url: '{fake.url}', api_key: sesame}}\n{more}", encoding="utf-8")


def test_export_writes_what_ships(cli: Cli, tmp_path: Path) -> None:
    assert cli("kibana", "export").out == shipped_text()
    ran = cli("kibana", "export", "--out", "k.ndjson", "--index", "prod")
    assert ran.code == 0 and "5 个仪表板、7 个保存的搜索、1 个数据视图" in ran.out
    assert json.loads((tmp_path / "k.ndjson").read_text("utf-8").splitlines()[0])["attributes"]["title"] == "prod"
    ran = cli("kibana", "export", "--out", "none/k.ndjson")
    assert ran.code == 1 and "cannot be written" in ran.err


def test_install_says_what_was_taken(cli: Cli, config: Path, fake: FakeKibana) -> None:
    write(config, fake)
    ran = cli("kibana", "install")
    assert ran.code == 0, ran.err
    assert f"Kibana 8.14.3：收下 {len(bundle())} / {len(bundle())} 个对象" in ran.out
    assert set(fake.objects) == {(each.type, each.id) for each in bundle()}
    assert fake.default_view == "mentions"


def test_install_explains_each_object_that_was_not_taken(cli: Cli, config: Path, fake: FakeKibana) -> None:
    write(config, fake)
    assert cli("kibana", "install").code == 0
    ran = cli("kibana", "install", "--keep")
    assert ran.code == 1
    assert ran.out.count("FAIL") == len(bundle())
    assert "FAIL dashboard 听风 危机室: conflict → " in ran.out
    fake.answer = lambda *_: json.dumps({"version": {}, "success": False, "successCount": 0})  # type: ignore[method-assign]
    ran = cli("kibana", "install")
    assert (ran.code, "没有说明原因" in ran.out, "版本未知" in ran.out) == (1, True, True)


def test_install_needs_an_address_and_a_key(cli: Cli, config: Path, fake: FakeKibana) -> None:
    assert cli("kibana", "install").code == 2
    ran = cli("kibana", "install", "--url", "kibana.example")
    assert ran.code == 2 and "write it whole" in ran.err
    ran = cli("kibana", "link", "--url", "https://u:hunter2@kibana.example")
    assert ran.code == 2 and "no login in the address" in ran.err and "hunter2" not in ran.err
    ran = cli("kibana", "install", "--url", fake.url)
    assert ran.code == 1 and "API key" in ran.err


def test_verify_needs_elasticsearch_and_every_object(cli: Cli, config: Path, fake: FakeKibana) -> None:
    write(config, fake)
    fake.lose = {"search"}
    assert cli("kibana", "install").code == 0
    ran = cli("kibana", "verify")
    assert ran.code == 1
    fake.lose = set()
    ran = cli("kibana", "install", "--verify")
    assert ran.code == 2 and "storage.mentions is sqlite" in ran.err


def test_verify_names_objects_that_an_export_left_out(cli: Cli, config: Path, fake: FakeKibana) -> None:
    write(config, fake)
    one = json.dumps(bundle()[0].json())
    fake.answer = lambda *_: one  # type: ignore[method-assign]
    ran = cli("kibana", "verify")
    assert ran.code == 1
    assert "FAIL dashboard 听风 危机室: Kibana 里没有" in ran.out


def test_links_have_absolute_times(cli: Cli, config: Path, fake: FakeKibana) -> None:
    write(config, fake)
    ran = cli("kibana", "link", "brand: yunshan", "--hours", "2")
    assert ran.code == 0, ran.err
    url = unquote(ran.out.strip())
    assert url.startswith(f"{fake.url}/app/discover#/?_g=(time:(from:'2")
    assert "query:'brand: yunshan'" in url and "now" not in url
    board = cli("kibana", "link", "--board", "crisis-room", "--url", "https://kibana.example/").out
    assert board.startswith(f"https://kibana.example/app/dashboards#/view/{dashboard_id('crisis-room')}?_g=")
    ran = cli("kibana", "link", "--board", "war-room")
    assert ran.code == 2 and "crisis-room" in ran.err
    assert cli("kibana", "link", "(brand: x").code == 2
    config.write_text(CONFIG, encoding="utf-8")
    assert cli("kibana", "link").code == 2


@pytest.fixture
def index(elasticsearch_url: str) -> Iterator[str]:
    from service.clock import SystemClock

    store = open_elastic(elasticsearch_url)
    now = SystemClock().now()
    minutes = (now - NOW).total_seconds() / 60 - 60
    store.put([mention(str(number), minutes=minutes, brands={"yunshan": N}) for number in range(5)], now=now)
    yield store.indices.alias
    drop(store)


def on_elasticsearch(url: str, prefix: str) -> str:
    return f"storage: {{mentions: elasticsearch, elasticsearch_url: '{url}', index_prefix: {prefix}}}\n"


@pytest.mark.es
def test_verify_asks_every_panel(cli: Cli, config: Path, fake: FakeKibana, elasticsearch_url: str, index: str) -> None:
    write(config, fake, on_elasticsearch(elasticsearch_url, index))
    ran = cli("kibana", "install", "--verify")
    assert ran.code == 0, ran.out + ran.err
    assert "ok   Kibana 里有全部 13 个对象" in ran.out
    assert ran.out.count("个请求") == 12
    assert "FAIL" not in ran.out
    assert "note 近 30 天没有数据的面板" in ran.out


@pytest.mark.es
def test_verify_finds_what_was_broken_by_hand(
    cli: Cli, config: Path, fake: FakeKibana, elasticsearch_url: str, index: str
) -> None:
    write(config, fake, on_elasticsearch(elasticsearch_url, index))
    assert cli("kibana", "install").code == 0
    board = fake.objects["dashboard", dashboard_id("crisis-room")]["attributes"]
    board["panelsJSON"] = board["panelsJSON"].replace('"sourceField":"risk"', '"sourceField":"text"')
    ran = cli("kibana", "verify")
    assert ran.code == 1
    assert "risk" not in ran.out.partition("FAIL")[0]
    assert "text is text, which terms cannot use" in ran.out
    assert "FAIL 听风 危机室：见下" in ran.out
    assert "FAIL 听风 危机室 / 风险: " in ran.out and "fielddata" in ran.out.lower()
    board["panelsJSON"] = "[{}]"
    ran = cli("kibana", "verify")
    assert ran.code == 0 and "note Kibana 里的对象已被改写" in ran.out


@pytest.mark.es
def test_verify_without_an_index_says_so(cli: Cli, config: Path, fake: FakeKibana, elasticsearch_url: str) -> None:
    write(config, fake, on_elasticsearch(elasticsearch_url, "nothing-here"))
    ran = cli("kibana", "install", "--verify")
    assert ran.code == 1 and "no index behind nothing-here" in ran.err


@pytest.mark.parametrize("url", ["https://kibana.example/base", None])
def test_an_incident_is_linked_from_an_hour_before_to_an_hour_after(cli: Cli, config: Path, url: str | None) -> None:
    config.write_text(CONFIG + (f"kibana: {{url: '{url}', space: pr}}\n" if url else ""), encoding="utf-8")
    with wiring.opened(config) as (_, stores):
        stores.state.desk.commit(DeskChange(incidents=(INCIDENT,)), now=INCIDENT_NOW)
    (view,) = [json.loads(line) for line in cli("incidents", "list", "--json").out.splitlines()]
    shown = cli("incidents", "show", INCIDENT.id).out
    if url is None:
        assert view["kibana_url"] is None and "Kibana" not in shown
        return
    assert f"Kibana {view['kibana_url']}" in shown
    link = unquote(view["kibana_url"])
    assert link.startswith(f"{url}/s/pr/app/dashboards#/view/{dashboard_id('crisis-room')}?_g=")
    assert "from:'2026-06-20T06:10:00.000Z',to:'2026-06-20T08:30:00.000Z'" in link
    assert 'negative_for: "yunshan"' in link
    assert json.loads(cli("incidents", "show", INCIDENT.id, "--json").out)["kibana_url"] == view["kibana_url"]


def test_a_link_that_would_be_too_long_is_left_out(cli: Cli, config: Path) -> None:
    config.write_text(CONFIG + "kibana: {url: 'https://kibana.example'}\n", encoding="utf-8")
    link = wiring.kibana_link(wiring.load_settings(config))
    assert link is not None
    window = Window(start=INCIDENT_NOW, end=INCIDENT_NOW)
    assert link("brand: x", window)
    assert link("负" * 2_000, window) is None
