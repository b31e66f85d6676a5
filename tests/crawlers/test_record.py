import json
from dataclasses import replace
from pathlib import Path

from crawlers.base import Fetch, Parsed, Response
from crawlers.parse import parse_manifest
from crawlers.record import Answer, write_fixture
from crawlers.redact import Redactor
from domain.outcome import FetchOutcome
from tests.crawlers.pages import NOW, platform_of

FIXTURES = Path(__file__).parent.parent / "fixtures" / "platforms"


def answer(endpoint: str, body: bytes | str, *, url: str = "https://x.example.cn/f", post: str = "",
           context: dict[str, str] | None = None) -> Answer:  # fmt: skip
    raw = body.encode() if isinstance(body, str) else body
    response = Response(url=url, body=raw, now=NOW, context=context or {})
    read = platform_of(endpoint).parse(endpoint, response) if "." in endpoint else Parsed(outcome=FetchOutcome.OK)
    return Answer(fetch=Fetch(endpoint=endpoint, url=url, body=post), response=response, parsed=read)


def saved(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def test_answers_of_one_visit_become_one_folder(tmp_path: Path) -> None:
    answers = [
        answer("sitemap.news", (FIXTURES.parent / "payloads" / "sitemap" / "news_default_ns.xml.gz").read_bytes()),
        answer("kuaishou.comments", saved("kuaishou/comments_v2.json"), post="{}",
               context={"parent_id": "3xfixtureparent"}),
        answer("wechat.mp_article", saved("wechat/mp_article.html"), url="https://mp.weixin.qq.com/s/FixtureShortLink01"),
        answer("douyin.comments", "blocked"),
    ]  # fmt: skip
    recorded = write_fixture(tmp_path / "made" / "new", "kuaishou", answers, Redactor([], seed="seed"))
    assert recorded.left_out == ()
    assert recorded.files == (
        "01_sitemap_news.xml.gz", "02_kuaishou_comments.json", "03_wechat_mp_article.html", "04_douyin_comments.txt",
    )  # fmt: skip
    manifest = json.loads((tmp_path / "made" / "new" / "expected.json").read_text("utf-8"))
    assert [entry["request_url"][:5] for entry in manifest["files"]] == ["https", "POST ", "https", "https"]
    comment = manifest["files"][1]
    assert comment["parent_id"] == comment["mentions"][0]["parent_id"] != "3xfixtureparent"
    told = list(parse_manifest(tmp_path / "made" / "new" / "expected.json"))
    assert [each["outcome"] for each in told] == [entry["outcome"] for entry in manifest["files"]]
    assert [each["mentions"] for each in told] == [entry["mentions"] for entry in manifest["files"]]


def test_what_cannot_be_kept_is_left_out_with_its_reason(tmp_path: Path) -> None:
    good = answer("hn.search", saved("hackernews/search_by_date.json"))
    otherwise = replace(good, parsed=replace(good.parsed, posts=()))
    recorded = write_fixture(
        tmp_path, "hackernews", [replace(good, fetch=replace(good.fetch, endpoint="nowhere")), otherwise, good],
        Redactor([], seed="seed"),
    )  # fmt: skip
    assert recorded.files == ("01_hn_search.json",)
    assert recorded.left_out == (
        "nowhere: no parser reads it",
        "hn.search: it reads otherwise once it is redacted: 2 posts instead of 0",
    )


def test_answer_in_which_something_is_left_is_not_written(tmp_path: Path) -> None:
    class Careless(Redactor):
        def response(self, response: Response) -> Response:
            return response

    good = answer("hn.search", saved("hackernews/search_by_date.json"))
    recorded = write_fixture(tmp_path, "hackernews", [good], Careless([], seed="seed"))
    assert recorded.files == ()
    assert recorded.left_out[0].startswith("hn.search: something is left in it: ")
    assert [path.name for path in tmp_path.iterdir()] == ["expected.json"]


def test_visit_without_answers_leaves_an_empty_manifest(tmp_path: Path) -> None:
    assert write_fixture(tmp_path, "feed", [], Redactor([], seed="seed")).files == ()
    assert list(parse_manifest(tmp_path / "expected.json")) == []
