import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.account import AccountReading
from domain.mention import Author, Flag, Kind, Mention, Post
from domain.tagging import BrandTag, Polarity, Sentiment, Tagging
from service import wiring
from service.accounts import account_texts, account_view, account_views
from tests.service.conftest import Cli
from tests.service.test_cli_store import post as line_of

NOW = datetime(2026, 6, 20, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CONFIG = """\
data_dir: data
brands:
  - {id: yunshan, name: 云杉咖啡, query: 云杉咖啡}
  - {id: bailu, name: 白鹿茶饮, query: 白鹿茶饮}
sources:
  - {platform: feed, name: news, url: "https://news.example.cn/rss"}
  - {platform: weibo, name: wb, transport: cookie, cookie: "SUB=x", query: [云杉咖啡]}
accounts:
  - {platform: weibo, id: 7900010001, name: 云杉咖啡, brand: yunshan}
  - {platform: weibo, id: 7900010002, name: 白鹿茶饮, role: competitor, brand: bailu}
  - {platform: douyin, id: MS4w, role: watch}
healthz: {port: 0}
"""


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "tingfeng.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    path.chmod(0o600)
    with wiring.opened(path) as (settings, stores):
        yield settings, stores


def mention(
    number: int,
    text: str,
    *,
    kind: Kind = Kind.COMMENT,
    minutes: float = 60,
    mood: Polarity = Polarity.NEUTRAL,
    overall: Polarity | None = None,
    author: str = "5",
    flags: Sequence[Flag] = (),
    **more: Any,
) -> Mention:
    given = {"extra": (("under_own", "7900010001"), ("under_post", "100")), "parent_id": "100", **more}
    if kind is not Kind.COMMENT:
        given |= {"parent_id": None, "extra": ()}

    def feeling(polarity: Polarity) -> Sentiment:
        return Sentiment(polarity=polarity, score=0.0, p_negative=0.5, confidence=0.5)

    at = NOW - minutes * MINUTE
    post = Post(platform="weibo", native_id=str(number), kind=kind, text=text, author=Author(id=author, name="甲"),
                published_at=at, url=f"https://weibo.com/1/{number}", **given)  # fmt: skip
    brands = (BrandTag(brand="yunshan", sentiment=feeling(mood)),)
    return Mention(
        id=f"weibo:{'c:' if kind is Kind.COMMENT else ''}{number}", post=post, source="wb", first_collected_at=at,
        last_collected_at=at, flags=frozenset(flags), tags=Tagging(sentiment=feeling(overall or mood), brands=brands),
    )  # fmt: skip


def test_each_account_is_shown_with_what_waits_and_how_it_grew(opened: Any) -> None:
    settings, stores = opened
    bad = Polarity.NEGATIVE
    mentions = [
        mention(100, "新品上市", kind=Kind.POST, minutes=300, author="7900010001", flags=[Flag.OWNED]),
        mention(101, "昨天的", kind=Kind.POST, minutes=2_000, author="7900010001", flags=[Flag.OWNED]),
        mention(200, "白鹿新品", kind=Kind.POST, minutes=30, author="7900010002"),
        mention(1, "太难喝了", minutes=200, mood=bad, root_id="1"),
        mention(2, "抱歉", minutes=190, parent_id="1", root_id="1", author="7900010001", flags=[Flag.OWNED]),
        mention(3, "拉肚子\x1b[2J\n" + "退款" * 40, minutes=100, mood=bad, root_id="3"),
        mention(4, "好喝", minutes=120, root_id="4", overall=bad),
        mention(5, "昨天就说了难喝", minutes=20 * 60, mood=bad, root_id="1", parent_id="1"),
        mention(6, "别家的", minutes=10, mood=bad, root_id="6", extra=(("under_own", "9"),)),
    ]
    stores.mentions.put(mentions, now=NOW)

    def reading(day: str, **more: Any) -> AccountReading:
        return AccountReading(platform="weibo", account="7900010001", day=day, at=NOW, **more)

    stores.state.accounts.put(
        [
            reading("2026-06-12", followers=90),
            reading("2026-06-20", followers=120),
            reading("2026-06-19", views=7, likes=2),
        ]
    )
    ours, rival, watched = account_views(settings, stores, NOW)
    assert ours.source == "wb"
    assert ours.last_post is not None
    assert ours.last_post.id == "weibo:100"
    assert (ours.comments_today, ours.negative_today) == (3, 2)
    assert [thread.comments[0].post.native_id for thread in ours.waiting] == ["4", "3"]
    assert ours.oldest_negative is not None
    assert ours.oldest_negative.post.native_id == "3"
    view = account_view(ours)
    assert view["followers"] == {"value": 120, "day": "2026-06-20", "change_7d": 30}
    assert view["views"] == {"value": 7, "day": "2026-06-19", "change_7d": None}
    assert view["interactions"] == {"value": 2, "day": "2026-06-19", "change_7d": None}
    assert view["waiting_since"] == "2026-06-20T06:00:00.000Z"
    assert (rival.comments_today, rival.waiting, rival.followers) == (0, (), None)
    assert rival.last_post is not None
    assert rival.last_post.id == "weibo:200"
    assert (watched.source, watched.last_post) == (None, None)
    texts = account_texts(ours, "zh")
    assert texts[0] == "weibo  云杉咖啡  自有  yunshan"
    assert "  今日评论 3（负面 2）" in texts
    assert "  2 个评论串未回复，最早自 06-20 14:00" in texts
    assert texts[-1] == "  粉丝 120 (2026-06-20, 7 天 +30)  阅读/播放 7 (2026-06-19)  互动 2 (2026-06-19)"
    assert all("\n" not in line for line in texts)
    assert "watch list" in account_texts(watched, "en")[0]


def test_a_post_under_a_pseudonym_is_still_the_accounts(opened: Any) -> None:
    from service.privacy import keep_small

    settings, stores = opened
    private = replace(settings.privacy, pseudonymize_authors=True)
    post = mention(200, "新品", kind=Kind.POST, author="7900010002")
    stores.mentions.put([keep_small(post, private)], now=NOW)
    assert account_views(settings, stores, NOW)[1].last_post is not None


def test_the_command_shows_accounts_and_takes_exports(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "tingfeng.yaml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "tingfeng.yaml").chmod(0o600)
    export = "日期,累计粉丝,阅读数\n2026-06-18,100,5\n不详,1,1\n2026-06-19,110,6\n"
    (tmp_path / "export.csv").write_bytes(export.encode("gb18030"))
    ran = cli("accounts", "import", "export.csv", "--platform", "weibo", "--account", "云杉咖啡")
    assert ran.code == 1
    assert "export.csv:3: no day" in ran.out
    assert "read 2 days, changed 2, bad lines 1" in ran.out
    again = cli("accounts", "import", "export.csv", "--platform", "weibo", "--account", "7900010001")
    assert "changed 0" in again.out
    shown = [json.loads(line) for line in cli("accounts", "--json").out.splitlines()]
    assert [each["role"] for each in shown] == ["owned", "competitor", "watch"]
    for_people = cli("accounts")
    assert for_people.code == 0
    assert "云杉咖啡  自有" in for_people.out
    assert "没有来源能读到它" in for_people.out


def test_wrong_accounts_and_files_are_named(cli: Cli, config: Path, tmp_path: Path) -> None:
    assert "还没有配置账号" in cli("accounts").out
    ran = cli("accounts", "import", "x.csv", "--platform", "weibo", "--account", "7")
    assert ran.code == 2
    assert "no account '7' of weibo; known: none" in ran.err
    (tmp_path / "tingfeng.yaml").write_text(CONFIG, encoding="utf-8")
    missing = cli("accounts", "import", "x.csv", "--platform", "weibo", "--account", "7900010001")
    assert missing.code == 2
    assert "no such file" in missing.err


def test_imported_posts_of_ours_are_flagged(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "tingfeng.yaml").write_text(CONFIG, encoding="utf-8")
    ours = line_of(1, "云杉咖啡新品", author={"name": "x", "id": "7900010001"})
    (tmp_path / "posts.ndjson").write_text(f"{ours}\n{line_of(2, '云杉咖啡好喝')}", encoding="utf-8")
    assert cli("import", "posts.ndjson").code == 0
    found = [json.loads(line) for line in cli("search", "flags: owned", "--json").out.splitlines()]
    assert [each["id"] for each in found] == ["weibo:1"]
