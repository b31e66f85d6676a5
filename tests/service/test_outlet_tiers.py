"""The tier of a medium is set whichever way a mention comes in."""

import json
from pathlib import Path

from config.settings import OutletSettings
from crawlers.outlets import OutletTiers
from tests.service.conftest import Cli
from tests.service.test_ingest import Desk, asked, line, ndjson


def test_imported_posts_have_the_tier_of_their_medium(cli: Cli, config: Path, tmp_path: Path) -> None:
    page = {"platform": "web", "kind": "article", "text": "云杉咖啡", "published_at": "2026-06-20T10:00:00+08:00"}
    urls = ("http://finance.people.com.cn/1", "https://evilpeople.com.cn/1")
    lines = [json.dumps({**page, "id": url, "url": url}, ensure_ascii=False) for url in urls]
    (tmp_path / "posts.ndjson").write_text("\n".join(lines), encoding="utf-8")
    assert cli("import", "posts.ndjson").code == 0
    found = [json.loads(each) for each in cli("search", "*", "--json").out.splitlines()]
    assert {each["url"]: each["outlet_tier"] for each in found} == {urls[0]: "中央", urls[1]: None}


def test_what_a_partner_sends_has_it_too(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    tiers = OutletTiers([OutletSettings(name="云上报", tier="省级", hosts=("yunshang.example",))])
    body = ndjson(line(1, url="https://news.yunshang.example/1"), line(2))
    assert desk.reception(outlets=tiers).receive(asked(body)).status == 200
    assert [each.outlet_tier for each in desk.queued()] == ["省级", None]
    desk.state.close()
