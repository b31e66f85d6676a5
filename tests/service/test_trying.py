"""`tingfeng sources test`: one visit over the real road to a server of ours, told and recorded."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from config.settings import SourceSettings
from crawlers.job import VisitResult
from crawlers.parse import parse_manifest
from domain.clock import ManualClock
from domain.outcome import FetchOutcome
from service import wiring
from service.errors import ServiceError, UsageError
from service.trying import Trial, field_counts, pick_source, trial_lines
from tests.crawlers.pages import NOW
from tests.service.conftest import Cli

FIXTURES = Path(__file__).parent.parent / "fixtures" / "platforms"
COOKIE = "SUB=_2AkMSxyZ9fNxqwJRmP0QTy2vhaIp; XSRF-TOKEN=a1b2c3"
SECRET = "_2AkMSxyZ9fNxqwJRmP0QTy2vhaIp"


class Site:
    """A server on loopback that answers by path."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[int, bytes, dict[str, str]]] = {}
        self.asked: list[tuple[str, str]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                site.asked.append((path, self.headers.get("Cookie", "")))
                status, body, headers = site.pages.get(path, (404, b"", {}))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.pair = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def page(self, path: str, body: bytes, status: int = 200, **headers: str) -> None:
        self.pages[path] = (status, body, {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def listening(tmp_path: Path, site: Site) -> Path:
    """Return settings with a search by cookie, a feed, and a watched folder."""
    path = tmp_path / "tingfeng.yaml"
    path.write_text(
        f"""\
data_dir: data
brands: [{{id: yunshan, name: 云杉咖啡, query: 云杉咖啡}}]
network: {{allow_internal: ["{site.pair}"]}}
sources:
  - {{platform: weibo, name: search, transport: cookie, cookie: "{COOKIE}", base_url: "http://{site.pair}", pace: 0s}}
  - {{platform: feed, name: news, url: "http://{site.pair}/rss", pace: 0s}}
  - {{platform: import, name: files, path: ./import}}
healthz: {{port: 0}}
""",
        encoding="utf-8",
    )
    path.chmod(0o600)
    return path


def weibo_page() -> bytes:
    body = json.loads((FIXTURES / "weibo" / "m_search_getIndex.json").read_bytes())
    body["data"]["echo"] = {"cookie": COOKIE, "again": SECRET}
    return json.dumps(body).encode()


def test_visit_is_told_and_stored_nowhere(cli: Cli, listening: Path, site: Site) -> None:
    site.page("/api/container/getIndex", weibo_page())
    ran = cli("sources", "test", "search:yunshan", "--config", str(listening))
    assert ran.code == 0
    assert ran.out.startswith("search:yunshan: 正常（ok）")
    assert "编号 5" in ran.out and "时间 5" in ran.out and "下一步：无需处理" in ran.out
    assert SECRET not in ran.out + ran.err
    assert any(SECRET in cookie for path, cookie in site.asked if path == "/api/container/getIndex")
    with wiring.opened(listening) as (_, stores):
        assert stores.inbox.depth() == 0
        assert dict(stores.state.visits.load()) == {}
    assert "new" in cli("sources", "--config", str(listening)).out
    assert cli("sources", "--config", str(listening), "--json").out.count('"source"') == 3


def test_view_for_programs(cli: Cli, listening: Path, site: Site) -> None:
    site.page("/api/container/getIndex", weibo_page())
    ran = cli("sources", "--config", str(listening), "test", "search", "--json")
    view = json.loads(ran.out)
    assert (ran.code, view["source"], view["outcome"], view["alive"]) == (0, "search:yunshan", "ok", True)
    assert view["posts"] == view["fields"]["id"] == 5
    assert 0 < view["fields"]["author"] <= 5 and view["fields"]["likes"] > 0
    assert len(view["samples"]) == 3
    assert (view["robots"], view["fix"]) == ("allowed", "")


def test_recorded_folder_reads_as_the_visit_did_and_holds_no_credential(
    cli: Cli, listening: Path, site: Site, tmp_path: Path
) -> None:
    site.page("/api/container/getIndex", weibo_page(), Set_Cookie=f"SUB={SECRET}", Content_Type="application/json")
    folder = tmp_path / "recorded"
    ran = cli("sources", "test", "search", "--config", str(listening), "--record", str(folder), "--json")
    view = json.loads(ran.out)
    assert view["recorded"]["left_out"] == []
    kept = sorted(path.name for path in folder.iterdir())
    assert kept == sorted([*view["recorded"]["files"], "expected.json"])
    whole = b"".join(path.read_bytes() for path in folder.iterdir())
    before = json.loads((FIXTURES / "weibo" / "expected.json").read_bytes())["files"][0]["mentions"]
    for secret in (SECRET, "a1b2c3", site.pair, *(each["id"] for each in before),
                   *(each["author"]["name"] for each in before if each["author"]["name"])):  # fmt: skip
        assert secret.encode() not in whole
        assert json.dumps(secret)[1:-1].encode() not in whole
    manifest = json.loads((folder / "expected.json").read_bytes())
    assert manifest["platform"] == "weibo"
    told = json.loads(cli("parse", "--manifest", str(folder / "expected.json")).out.splitlines()[0])
    assert (told["outcome"], len(told["mentions"])) == ("ok", 5)
    assert told["mentions"] == manifest["files"][0]["mentions"]
    counters = sorted(each["counters"]["likes"] for each in told["mentions"])
    assert counters == sorted(each["counters"]["likes"] for each in before)
    again = cli("sources", "test", "search", "--config", str(listening), "--record", str(folder))
    assert again.code == 2 and "not empty" in again.err


@pytest.mark.parametrize(
    ("body", "status", "outcome", "words"),
    [
        (b'{"ok":-100,"url":"https://passport.weibo.com/sso/signin"}', 200, "login_required", "Cookie"),
        (b"", 432, "blocked", "下一步"),
        ('{"ok":0,"msg":"这里还没有内容","data":{"cards":[]}}'.encode(), 200, "empty", "没有内容"),
    ],
)
def test_exit_code_and_next_step_follow_the_outcome(
    cli: Cli, listening: Path, site: Site, body: bytes, status: int, outcome: str, words: str
) -> None:
    site.page("/api/container/getIndex", body, status)
    ran = cli("sources", "test", "search", "--config", str(listening))
    assert ran.code == (0 if outcome == "empty" else 1)
    assert f"（{outcome}）" in ran.out and words in ran.out


def test_failing_answer_can_be_recorded_too(cli: Cli, listening: Path, site: Site, tmp_path: Path) -> None:
    site.page("/api/container/getIndex", b'{"ok":-100,"url":"https://passport.weibo.com/sso/signin?uid=7712345678"}')
    folder = tmp_path / "recorded"
    ran = cli("sources", "test", "search", "--config", str(listening), "--record", str(folder))
    assert (ran.code, "1 个文件" in ran.out) == (1, True)
    (told,) = parse_manifest(folder / "expected.json")
    assert told["outcome"] == "login_required"


def test_robots_that_forbid_are_obeyed_and_named(cli: Cli, listening: Path, site: Site) -> None:
    site.page("/robots.txt", b"User-agent: *\nDisallow: /\n", Content_Type="text/plain")
    ran = cli("sources", "test", "news", "--config", str(listening), "--json")
    view = json.loads(ran.out)
    assert (ran.code, view["outcome"], view["robots"]) == (1, "blocked", "forbidden")
    assert "robots" in view["why"]
    assert [path for path, _ in site.asked] == ["/robots.txt"]


def test_hostile_text_commands_no_terminal(cli: Cli, listening: Path, site: Site) -> None:
    item = (
        "<item><title>\u202e坏[red]&#x9b;</title><link>https://a.cn/1</link><description>\u2066x</description></item>"
    )
    site.page("/rss", f"<rss version='2.0'><channel><title>站</title>{item}</channel></rss>".encode())
    ran = cli("sources", "test", "news", "--config", str(listening))
    assert ran.code == 0 and "坏[red]" in ran.out
    assert not {"\u202e", "\u2066", "\x9b"} & set(ran.out)


@pytest.mark.parametrize(
    ("name", "words"), [("serch:yunshan", "did you mean 'search:yunshan'"), ("zzz", "see tingfeng sources"),
                        ("files", "tingfeng import")]
)  # fmt: skip
def test_name_that_is_none_names_the_nearest(cli: Cli, listening: Path, site: Site, name: str, words: str) -> None:
    ran = cli("sources", "test", name, "--config", str(listening))
    assert (ran.code, words in ran.err) == (2, True)
    assert site.asked == []


def test_name_of_several_searches_asks_which() -> None:
    made = [SourceSettings(name=f"hn:{brand}", platform="hackernews") for brand in ("a", "b")]
    with pytest.raises(UsageError, match="name one of hn:a, hn:b"):
        pick_source(made, "hn")
    assert pick_source(made[:1], "hn") is made[0]


def test_site_that_asked_to_be_left_alone_is(listening: Path, site: Site) -> None:
    clock = ManualClock(NOW)
    with wiring.opened(listening) as (settings, stores):
        stores.state.sites.hold(site.pair, until=clock.now() + timedelta(minutes=5), now=clock.now())
        with pytest.raises(ServiceError, match="left alone until 06-20 15:35 "):
            wiring.make_trial(settings, stores, clock, "news")
        other, _ = wiring.make_trial(settings, stores, ManualClock(NOW + timedelta(minutes=6)), "news")
        other.shared.extractor.close()


def test_turn_is_taken_among_all_processes(cli: Cli, listening: Path, site: Site) -> None:
    site.page("/rss", b"<rss version='2.0'><channel><title>x</title></channel></rss>")
    assert cli("sources", "test", "news", "--config", str(listening)).code == 0
    with wiring.opened(listening) as (_, stores):
        now = NOW + timedelta(days=3_650)
        assert stores.state.sites.turn(site.pair, pace=timedelta(0), now=now) == now
        assert stores.state.sites.prune(before=now + timedelta(days=1)) == 1


def test_fields_without_posts_are_none_and_english_is_english() -> None:
    source = SourceSettings(name="s", platform="feed")
    result = VisitResult(outcome=FetchOutcome.OK, pages=1)
    lines = trial_lines(Trial(source=source, result=result, answers=(), took_s=1.0, robots="overridden"), "en")
    assert lines == [
        "s: it works (ok)",
        "1.0 s, 1 pages, 0 posts; robots.txt not obeyed (robots: override)",
        "next step: none, tingfeng run listens to it",
    ]
    assert set(field_counts([]).values()) == {0}
