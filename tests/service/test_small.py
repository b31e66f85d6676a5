import contextlib
import json
import logging
import socket
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.settings import (
    PrivacySettings,
    ReceiverSettings,
    RetentionSettings,
    Settings,
    SourceSettings,
)
from domain.clock import ManualClock
from domain.mention import Author, Kind, Mention, Post
from domain.secret import Secret
from domain.source import SourceHealth, SourceState, VisitState
from service.advice import closed_lines
from service.clock import ClockOrder, SystemClock, clock_order, make_clock, noted_clock, running_clock
from service.errors import UsageError
from service.health_page import HealthPage
from service.logs import configure_logging
from service.loopback import is_loopback, outside_addresses
from service.overview import source_view, traffic_lines, traffic_of
from service.privacy import keep_small
from service.retention import Retention
from tests.logs import kept_logging
from tests.service.scene import pages

NOW = datetime(2026, 6, 20, 7, 30, tzinfo=UTC)


def test_a_driven_clock_runs_at_its_scale() -> None:
    clock = make_clock(ClockOrder(start=NOW, scale=60, epoch_s=0.0))
    assert clock.real_s(timedelta(minutes=1)) == 1.0
    assert clock.span(2.0) == timedelta(minutes=2)
    assert clock.now() > NOW
    assert clock.real_s(-timedelta(1)) == 0.0


def test_the_system_clock_is_utc() -> None:
    clock = make_clock(clock_order(None, None, None))
    assert isinstance(clock, SystemClock)
    assert clock.now().tzinfo is UTC
    assert clock.real_s(timedelta(seconds=3)) == 3.0
    assert clock.span(3.0) == timedelta(seconds=3)


@pytest.mark.parametrize(
    ("start", "scale"),
    [
        ("x", 60.0),
        ("2026-06-20T10:00:00", 60.0),
        (None, 60.0),
        ("2026-06-20T10:00:00Z", None),
        ("2026-06-20T10:00:00Z", 0.5),
        ("2026-06-20T10:00:00Z", 1e9),
    ],
)
def test_a_clock_that_cannot_be_is_refused(start: str | None, scale: float | None) -> None:
    with pytest.raises(UsageError):
        clock_order(start, scale, None)


def test_a_child_is_given_the_same_clock() -> None:
    order = clock_order("2026-06-20T15:30:00+08:00", 60.0, 12.5)
    assert order is not None
    assert order.start == NOW
    arguments = order.arguments()
    again = clock_order(arguments[1], float(arguments[3]), float(arguments[5]))
    assert again == order


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        ("http://127.0.0.1:9/x", True),
        ("http://localhost/", True),
        ("http://[::1]:80/", True),
        ("https://a.cn/", False),
        ("http://10.0.0.1/", False),
        ("nonsense", False),
    ],
)
def test_loopback_is_this_machine_only(url: str, inside: bool) -> None:
    assert is_loopback(url) is inside


@dataclass(frozen=True, slots=True, kw_only=True)
class _Channel:
    token: Secret
    base_url: str | None = None


def test_everything_outside_this_machine_is_named() -> None:
    settings = Settings(
        path=Path("t.yaml"),
        data_dir=Path("/nowhere"),
        receivers=(
            ReceiverSettings(
                name="in", channels=(("slack", _Channel(token=Secret("t"), base_url="http://127.0.0.1:1/")),)
            ),
            ReceiverSettings(name="out", channels=(("slack", _Channel(token=Secret("t"))), ("bare", None))),
        ),
    )
    sources = [
        SourceSettings(name="a", platform="feed", url="https://a.cn/rss"),
        SourceSettings(name="b", platform="feed", url="https://a.cn/rss", base_url="http://127.0.0.1:9"),
        SourceSettings(name="c", platform="import"),
        SourceSettings(name="d", platform="gdelt"),
    ]
    assert outside_addresses(settings, sources) == [
        "source a",
        "source d",
        "receiver out (slack)",
        "receiver out (bare)",
    ]


def make_mention(author: Author) -> Mention:
    post = Post(platform="weibo", native_id="1", kind=Kind.POST, text="x", author=author)
    return Mention(id="weibo:1", post=post, source="s", first_collected_at=NOW, last_collected_at=NOW)


def test_personal_data_is_kept_small() -> None:
    mention = make_mention(Author(name="早八续命选手", id="7", region="上海", followers=3))
    assert keep_small(mention, PrivacySettings()).post.author.region is None
    kept = keep_small(mention, PrivacySettings(author_region=True))
    assert kept is mention
    for printed, small in (("06-30 江苏", "06-30"), ("3天前 广东", "3天前"), ("昨天 20:11 上海", "昨天 20:11")):
        shown = replace(mention, post=replace(mention.post, published_raw=printed))
        assert keep_small(shown, PrivacySettings()).post.published_raw == small
        assert keep_small(shown, PrivacySettings(author_region=True)).post.published_raw == printed
    for printed in ("昨天 20:11", "编辑于 06-30", "2026年6月20日 星期六", "Sat Jun 20 12:00:00 +0800 2026", ""):
        shown = replace(make_mention(Author()), post=replace(make_mention(Author()).post, published_raw=printed))
        assert keep_small(shown, PrivacySettings()) is shown
    hidden = keep_small(mention, PrivacySettings(pseudonymize_authors=True)).post.author
    assert hidden.name == "早***手" and hidden.id is not None and hidden.id.startswith("p:") and hidden.followers == 3
    private = PrivacySettings(pseudonymize_authors=True)
    assert keep_small(keep_small(mention, private), private) == keep_small(mention, private)
    posing = make_mention(Author(name="早八续命选手", id="p:0123456789abcdef"))
    assert keep_small(posing, private).post.author.name == "早***手"
    nobody = make_mention(Author())
    assert keep_small(nobody, PrivacySettings(pseudonymize_authors=True)).post.author == Author()
    single = make_mention(Author(name="王"))
    assert keep_small(single, PrivacySettings(pseudonymize_authors=True)).post.author.name == "王***"


class _Deleting:
    def __init__(self) -> None:
        self.calls: list[tuple[datetime, bool]] = []

    def delete_before(self, moment: datetime, *, candidates: bool) -> int:
        self.calls.append((moment, candidates))
        return 2


class _Marks(dict[str, datetime]):
    at = dict.get
    put = dict.__setitem__


def test_retention_runs_once_a_day_also_where_every_run_is_short() -> None:
    clock, store, marks = ManualClock(NOW), _Deleting(), _Marks()
    pruned: list[dict[str, object]] = []

    def start() -> Retention:
        return Retention(RetentionSettings(), store, lambda **spans: pruned.append(spans), marks, clock)  # type: ignore[arg-type]  # only what it needs

    first = start()
    assert first.step() == 4, "a service that never did so begins at once"
    assert first.step() == 0
    assert store.calls == [(NOW - timedelta(days=730), False), (NOW - timedelta(days=14), True)]
    for _ in range(3):
        clock.advance(timedelta(hours=11))
        start().step()
    assert len(pruned) == 2, "restarted every eleven hours, it still runs after a day"
    ninety = timedelta(days=90)
    spans = {"evaluations": timedelta(days=30), "dead_letters": ninety, "messages": ninety}
    spans |= {"trends": timedelta(days=30)}
    assert pruned == [{"now": NOW, **spans}, {"now": NOW + timedelta(hours=33), **spans}]


def make_state(**changes: object) -> VisitState:
    fields: dict[str, object] = {"source": "a", "platform": "feed", "due_at": NOW, **changes}
    return VisitState(**fields)  # type: ignore[arg-type]  # test shorthand


def test_the_expectation_needs_ten_minutes() -> None:
    early = traffic_of([make_state(first_visit_at=NOW - timedelta(minutes=5), pages_seen=3, posts_matched=1)], NOW)
    assert early.per_day is None
    later = traffic_of([make_state(first_visit_at=NOW - timedelta(hours=12), posts_matched=6)], NOW)
    assert later.per_day == pytest.approx(12.0)
    assert traffic_of([], NOW).pages == 0


def test_what_came_in_is_said_with_what_is_unreachable() -> None:
    blind = SourceHealth(source="a", platform="feed", state=SourceState.BLIND, why="连不上", fix="检查网络")
    live = SourceHealth(source="b", platform="feed", state=SourceState.LIVE)
    traffic = traffic_of([make_state(first_visit_at=NOW - timedelta(days=1), posts_matched=6, pages_seen=9)], NOW)
    chinese = traffic_lines(traffic, [blind, live], "zh")
    assert "9 页" in chinese[0] and "6 条提到品牌" in chinese[0] and "6 条" in chinese[1]
    assert chinese[2:] == ["看不到：a：连不上；检查网络"]
    assert "named a brand" in traffic_lines(traffic, [blind], "en")[0]
    assert source_view(blind)["why"] == "连不上"


def test_a_closed_platform_with_its_own_road_is_not_named() -> None:
    settings = Settings(
        path=Path("t"), data_dir=Path("/n"), sources=(SourceSettings(name="w", platform="weibo", transport="cookie"),)
    )
    lines = closed_lines(settings)
    assert not any(line.startswith("微博") for line in lines)
    assert any(line.startswith("抖音") for line in lines)


def read(url: str) -> tuple[int, dict[str, object]]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as err:
        return err.code, json.load(err)


def test_the_health_page_says_how_it_is() -> None:
    body: dict[str, object] = {"ok": True}

    def view() -> dict[str, object]:
        if body.get("explode"):
            raise RuntimeError("secret detail")
        return body

    page = HealthPage("127.0.0.1", 0, pages(view))
    page.start()
    try:
        assert read(page.address) == (200, {"ok": True})
        body["ok"] = False
        assert read(page.address)[0] == 503
        body["explode"] = True
        status, answer = read(page.address)
        assert status == 503 and "secret" not in json.dumps(answer)
        assert read(page.address.replace("/healthz", "/etc"))[0] == 404
        assert read(page.address.replace("/healthz", "/livez?x=1")) == (200, {"ok": True, "up_s": 1})
        asked = urllib.request.Request(page.address.replace("/healthz", "/metrics"), headers={"Accept": "open"})
        with urllib.request.urlopen(asked, timeout=5) as answer:
            assert (answer.read(), answer.headers["Content-Type"]) == (b"open", "text/x")
        port = int(page.address.rsplit(":", 1)[1].split("/")[0])
        with pytest.raises(UsageError, match=r"healthz\.port"):
            HealthPage("127.0.0.1", port, pages(view))
    finally:
        page.stop()


@pytest.mark.slow
def test_the_health_page_answers_while_hundreds_of_clients_say_nothing() -> None:
    page = HealthPage("127.0.0.1", 0, pages(lambda: {"ok": True}))
    page.start()
    port = int(page.address.rsplit(":", 1)[1].split("/")[0])
    before = threading.active_count()
    with contextlib.ExitStack() as stack:
        stack.callback(page.stop)
        silent = [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5)) for _ in range(300)]
        for number, client in enumerate(silent):
            with contextlib.suppress(OSError):  # it may have been sent away
                client.sendall((b"", b"GET", b"GET /healthz HTTP/1.1\r\nX: ", b"\x16\x03\x01\x00\xff\n\n")[number % 4])
        assert read(page.address) == (200, {"ok": True})
        assert threading.active_count() - before <= 40
        assert silent[0].recv(1_000) == b""
        for line in (b"GET " + b"/" * 100_000 + b" HTTP/1.1\r\n\r\n", b"\0" * 1_000 + b"\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as rude, contextlib.suppress(OSError):
                rude.sendall(line)
                said = rude.recv(100)
                assert not said or said.split(b" ")[1] in (b"400", b"414")
        assert read(page.address) == (200, {"ok": True})


def test_logs_mask_credentials_and_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    with kept_logging():
        configure_logging("crawl")
        logging.getLogger("x").warning(
            "sent url=%s token=%s \x1b[31m\u202e", "http://h/send?key=abcdef123456", "xoxb-1-2"
        )
        said = capsys.readouterr().err
    assert "abcdef123456" not in said and "xoxb" not in said and "\x1b" not in said and "\u202e" not in said
    assert "crawl x sent" in said


def test_the_command_line_follows_the_clock_of_the_running_service(tmp_path: Path) -> None:
    order = clock_order("2030-01-01T00:00:00Z", 60.0, None)
    with noted_clock(tmp_path, order):
        assert running_clock(tmp_path).now().year == 2030
    assert isinstance(running_clock(tmp_path), SystemClock)
    (tmp_path / "clock.json").write_text('{"pid": 999999999}', encoding="utf-8")
    assert isinstance(running_clock(tmp_path), SystemClock)
    with noted_clock(tmp_path, None):
        assert not (tmp_path / "clock.json").exists()
