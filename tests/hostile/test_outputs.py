"""What leaves us, read as its reader would: nothing in it but our own links, calls and colours."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.message import compose
from alerts.notifiers.slack_block import blocks_of, fallback_text, plain_text
from alerts.notifiers.wecom_robot import markdown_of, text_of
from alerts.report import AlertReport, BlindSource, ReportAuthor
from dashboards.links import discover_url, kql_value
from domain.incident import DeliveryKind
from domain.moment import Window
from domain.query import parse
from tests.alerts.kit import FULL, standing
from tests.hostile.cases import TEXTS, Case
from tests.hostile.clean import FORBIDDEN
from tests.hostile.readers import Shown, read_mrkdwn, read_wecom

OWN_HOSTS = {"weibo.example", "news.example", "tingfeng.example"}
EVIL_URLS = ("javascript:alert(1)", "https://weibo.example/a)b|c>d<e f?x=[1]&y=](z)", "http://x@weibo.example/\u202e")


def report(text: str, url: str = EVIL_URLS[1], kind: DeliveryKind = DeliveryKind.FIRING) -> AlertReport:
    text = text[:3_000]
    stories = tuple(replace(one, quote=text, outlet=text, url=url) for one in FULL.stories)
    return replace(
        FULL, kind=kind, brand=text, rule=text, subject=text, reason=text, quote=text, quote_url=url,
        author=ReportAuthor(name=text, platform=text[:40], followers=5), first_publisher=text, stories=stories,
        blind=(BlindSource(source=text, since=None, why=text),), notes=(text,), acked_by=text,
        platforms=((text[:40], 3),),
    )  # fmt: skip


def assert_own(shown: Shown, *, calls: tuple[str, ...] = ()) -> None:
    assert tuple(shown.calls) == calls
    assert {urlsplit(link).hostname for link in shown.links} <= OWN_HOSTS
    assert not FORBIDDEN.search(shown.text)


def assert_slack(body: dict[str, Any]) -> None:
    """Read a message of Slack as its clients would."""
    assert body["unfurl_links"] is False
    assert not {"parse", "link_names"} & body.keys()
    assert_own(read_mrkdwn(body["text"]))
    for block in body.get("blocks", ()):
        for text in [block["text"]] if "text" in block else block["elements"]:
            if text["type"] == "mrkdwn":
                assert text["verbatim"] is True
                assert_own(read_mrkdwn(text["text"]))
            else:
                assert text["emoji"] is False
                assert not FORBIDDEN.search(text["text"])


def assert_wecom(body: dict[str, Any]) -> None:
    """Read a message of WeCom as its clients would."""
    if body["msgtype"] == "markdown":
        assert_own(read_wecom(body["markdown"]["content"]))
        assert len(body["markdown"]["content"].encode()) <= 4_096
    else:
        assert body["msgtype"] == "text"
        assert body["text"].keys() == {"content"}
        assert not FORBIDDEN.search(body["text"]["content"])


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: case.value)
def test_what_the_channels_received_holds_only_what_is_ours(case: Case, tmp_path: Path) -> None:
    with standing(tmp_path) as stand:
        stand.put(report(TEXTS[case]))
        stand.pump(stand.outbox(), seconds=2)
        bodies = {one.route: one.body for one in stand.sink.ledger.requests}
        posted = {one.channel for one in stand.sink.ledger.posted}
    assert posted == {"slack", "wecom_robot"}
    for route, body in bodies.items():
        (assert_slack if "blocks" in body or ("text" in body and "msgtype" not in body) else assert_wecom)(dict(body))
        assert route


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: case.value)
@pytest.mark.parametrize("url", EVIL_URLS)
def test_every_form_of_a_message_holds_only_what_is_ours(case: Case, url: str) -> None:
    for locale in ("zh", "en"):
        for kind in DeliveryKind:
            message = compose(report(TEXTS[case], url, kind), locale)
            quiet = {"unfurl_links": False, "unfurl_media": False}
            for degrade in (0, 1):
                assert_slack({"text": fallback_text(message), "blocks": blocks_of(message, degrade), **quiet})
                assert_own(read_wecom(markdown_of(message, degrade, [])))
                called = read_wecom(markdown_of(message, degrade, ["zhangmin", "a><@all"]))
                assert_own(called, calls=("zhangmin", "a＞＜@all"))
            assert_slack({"text": plain_text(message), **quiet})
            assert_wecom({"msgtype": "text", "text": {"content": text_of(message)}})


@given(st.text(alphabet="<>&|!@#[]()*_~`\\\"' \n云a\u202e\0", max_size=60))
def test_any_text_stays_a_text(text: str) -> None:
    message = compose(report(text or "云"), "zh")
    for block in blocks_of(message, 0):
        for each in [block["text"]] if "text" in block else block["elements"]:
            if each["type"] == "mrkdwn":
                assert_own(read_mrkdwn(each["text"]))
    assert_own(read_wecom(markdown_of(message, 0, [])))


@pytest.mark.parametrize(
    "evil", ["<!channel>", "<https://evil.example|银行>", "a & b", "`x`", "a > b", "<a"], ids=lambda text: text
)
def test_the_reader_of_mrkdwn_sees_what_is_not_ours(evil: str) -> None:
    with pytest.raises(AssertionError):
        assert_own(read_mrkdwn(f"*题*：{evil}"))


@pytest.mark.parametrize(
    "evil", ["<@userid>", '<font color="info">x', "[点我](https://evil.example)", "](x)", "`x`", "<b>", "a > b"]
)
def test_the_reader_of_wecom_sees_what_is_not_ours(evil: str) -> None:
    with pytest.raises(AssertionError):
        assert_own(read_wecom(f"> 题：{evil}"))


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: case.value)
def test_links_into_kibana_hold_every_text_as_a_value(case: Case) -> None:
    text = TEXTS[case][:100]
    kql = f"rule: {kql_value(text)}"
    parse(kql)
    window = Window(start=FULL.at - timedelta(hours=1), end=FULL.at)
    parts = urlsplit(discover_url("https://kibana.example", kql=kql, window=window))
    assert parts.netloc == "kibana.example"
    assert not set(parts.path + parts.query + parts.fragment) & set(' <>"\\^`{|}\n\t\0\u202e')
