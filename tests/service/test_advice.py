"""What an operator reads of platforms that are not listened to yet, and of reading sources back."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from config.settings import Settings, SourceSettings
from crawlers.platforms.websearch import WebsearchSettings
from domain.backfill import Backfill, BackfillState
from service import wiring
from service.advice import ADVICE, advice_lines
from service.backfill import backfill_line
from tests.service.conftest import Cli

NAMED = ("微博", "微信公众号", "抖音", "快手", "B站", "小红书", "知乎")
BARE = Settings(path=Path("t"), data_dir=Path("/n"))
T = datetime(2026, 6, 20, 8, tzinfo=UTC)


def test_the_starter_settings_are_told_of_every_platform_how_what_it_costs_and_what_stays_hidden(cli: Cli) -> None:
    assert cli("init", "--brand", "云杉咖啡").code == 0
    ran = cli("sources")
    assert ran.code == 0
    lines = ran.out.splitlines()
    for name in NAMED:
        (at,) = (number for number, line in enumerate(lines) if line.startswith(f"● {name}"))
        how, costs, hidden = lines[at + 1 : at + 4]
        assert how.strip().startswith("怎么打开: ") and ("{platform: " in how or "tingfeng add" in how)
        assert costs.strip().startswith("花费: ") and hidden.strip().startswith("看不到: ")
    assert "tingfeng sources test" in lines[-1]
    assert len(cli("sources", "--json").out.splitlines()) == ran.out.count("new     ")


def test_every_example_in_the_advice_is_a_source_that_check_takes(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "weibo.cookie").write_text("SUB=a", encoding="utf-8")
    for platform, advice in ADVICE.items():
        for text in advice.do:
            for example in _examples(text):
                entry = yaml.safe_load(example)
                for name in ("token", "client_secret", "client_id"):
                    if name in entry:
                        entry[name] = "k" * 24
                entry["url"] = "http://hub.example.cn/feed/1" if "url" in entry else None
                whole = {
                    "brands": [{"id": "yunshan", "name": "云杉咖啡"}],
                    "sources": [{key: value for key, value in entry.items() if value is not None}],
                }
                (tmp_path / "tingfeng.yaml").write_text(yaml.safe_dump(whole, allow_unicode=True), encoding="utf-8")
                ran = cli("check")
                assert ran.code == 0, f"{platform}: {example}\n{ran.err}"


def _examples(text: str) -> list[str]:
    plain = re.sub(r"\$\{\w+\}", "k" * 24, text)
    found = re.findall(r"\{platform: [^{}]*\}", plain)
    assert found
    return [re.sub(r"你的\w+", "hub", each).replace("…", "1") for each in found]


@pytest.mark.parametrize(
    ("source", "gone"),
    [
        (SourceSettings(name="w", platform="weibo", transport="cookie"), "微博搜索"),
        (
            SourceSettings(
                name="s", platform="websearch", transport="official", options=WebsearchSettings(sites=("zhihu.com",))
            ),
            "知乎",
        ),
        (SourceSettings(name="r", platform="rsshub", url="http://hub/bilibili/vsearch/a"), "B站搜索"),
        (SourceSettings(name="h", platform="weibo"), ""),
    ],
    ids=["cookie", "websearch", "rsshub", "hot list"],
)
def test_a_platform_that_is_listened_to_is_not_advised(source: SourceSettings, gone: str) -> None:
    every = {line for line in advice_lines(BARE) if line.startswith("●")}
    left = {line for line in advice_lines(replace(BARE, sources=(source,))) if line.startswith("●")}
    assert every - left == ({f"● {gone}"} if gone else set())


def test_advice_is_given_in_english_too() -> None:
    text = "\n".join(advice_lines(replace(BARE, locale="en")))
    assert "● Weibo search" in text and "to switch it on: " in text and "will not show: " in text
    assert not any("\u4e00" <= char <= "\u9fff" for char in text)


SETTINGS = """\
data_dir: data
brands:
  - {id: yunshan, name: 云杉咖啡}
  - {id: xinglan, name: 星澜汽车}
sources:
  - {platform: hackernews, name: hn}
  - {platform: feed, name: news, url: "https://news.example.cn/rss"}
"""


def test_a_brand_is_read_back_over_its_searches(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "tingfeng.yaml").write_text(SETTINGS, encoding="utf-8")
    ran = cli("backfill", "yunshan", "--from", "30d")
    assert ran.code == 0
    assert "news: 只显示最新内容" in ran.out and "hn:yunshan：等待中" in ran.out
    (view,) = [json.loads(line) for line in cli("backfill", "--json").out.splitlines()]
    assert (view["source"], view["state"], view["share"], view["over"]) == ("hn:yunshan", "waiting", 0.0, False)
    assert cli("backfill", "yunshan", "--from", "2026-06-01", "--source", "hn").code == 0
    with wiring.opened(tmp_path / "tingfeng.yaml") as (_, stores):
        (asked,) = stores.state.backfills.all(open_only=True)
        assert asked.since == datetime(2026, 5, 31, 16, tzinfo=UTC)
        stores.state.backfills.save(replace(asked, state=BackfillState.DONE))
        assert not stores.state.backfills.all(open_only=True)
        assert stores.state.backfills.prune(before=datetime.now(UTC) + timedelta(days=1)) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("yunshan",), "--from 2026-06-01"),
        (("yunshna", "--from", "30d"), "did you mean yunshan?"),
        (("yunshan", "--from", "soon"), "write a day such as"),
        (("yunshan", "--from", "2099-01-01"), "lies in the future"),
        (("yunshan", "--from", "1900-01-01"), "ten years"),
        (("yunshan", "--from", "30d", "--source", "newz"), "did you mean news?"),
        (("yunshan", "--from", "30d", "--source", "news"), "only searches can"),
    ],
)
def test_what_cannot_be_read_back_is_said(cli: Cli, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    (tmp_path / "tingfeng.yaml").write_text(SETTINGS, encoding="utf-8")
    ran = cli("backfill", *arguments)
    assert ran.code == 2 and words in ran.err


def test_progress_is_one_line() -> None:
    going = Backfill(
        id="x", source="hn", brand="yunshan", since=T - timedelta(days=10), asked_at=T, due_at=T,
        state=BackfillState.GOING, pages=7, posts=90, oldest_at=T - timedelta(days=4), detail="captcha: HTTP 461",
    )  # fmt: skip
    assert backfill_line(going, "en").startswith("████░░░░░░ hn: going on, 7 pages, 90 posts, back to 2026-06-16")
    assert backfill_line(going, "zh").endswith("captcha: HTTP 461")
