from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.message import FIRST_LINE_CHARS, compose, first_line
from alerts.notifiers.slack_block import blocks_of, plain_text
from alerts.notifiers.wecom_robot import markdown_of, text_of
from domain.incident import DeliveryKind, Severity
from service.demo.sink_slack import message_error
from tests.alerts.kit import FULL, NOW, REPORTS


@given(
    brand=st.text(max_size=60),
    subject=st.text(max_size=60),
    value=st.none() | st.floats(0, 1e9),
    expected=st.none() | st.floats(0, 1e9),
    kind=st.sampled_from(DeliveryKind),
    severity=st.sampled_from(Severity),
    locale=st.sampled_from(("zh", "en")),
)
def test_any_report_gives_a_first_line_of_at_most_36_characters(locale, **given_fields) -> None:
    line = first_line(replace(FULL, **given_fields), locale)
    assert 0 < len(line) <= FIRST_LINE_CHARS
    assert "\n" not in line


@given(words=st.text(max_size=400), url=st.text(max_size=3_000), locale=st.sampled_from(("zh", "en")))
def test_any_words_fit_every_channel(words: str, url: str, locale) -> None:
    report = replace(
        FULL, brand=words, reason=words, quote=words, quote_url="https://a.example/" + url, first_publisher=words
    )
    message = compose(report, locale)
    for degrade in (0, 1):
        assert message_error({"text": "x", "blocks": blocks_of(message, degrade)}) == ""
        assert len(markdown_of(message, degrade, []).encode()) <= 4_096
    assert len(plain_text(message)) <= 4_000
    assert len(text_of(message).encode()) <= 2_048


@pytest.mark.parametrize("degrade", [0, 1, 2])
@pytest.mark.parametrize("name", [name for name in REPORTS if name not in ("notice", "test", "firing_unknowns")])
def test_degrading_never_loses_level_count_or_link(name: str, degrade: int) -> None:
    names = {line.name for line in compose(REPORTS[name], "zh").shown(degrade)}
    assert {"level", "number", "key"} <= names
    assert {"count", "total"} & names
    assert any(line.url for line in compose(REPORTS[name], "zh").shown(degrade) if line.name in ("quote", "story"))


def test_a_late_message_and_a_repeat_say_so() -> None:
    told = compose(FULL, "zh", repeat=True, sent_at=NOW + timedelta(minutes=25))
    marks = [line.text for line in told.lines if line.name == "mark"]
    assert marks == ["可能重复：上次发送结果未知", "这条消息晚了 25 分钟"]
    assert not [line for line in compose(FULL, "zh", sent_at=NOW + timedelta(minutes=9)).lines if line.name == "mark"]


def test_resolved_carries_the_summary() -> None:
    shown = {line.name: line.text for line in compose(REPORTS["resolved"], "zh").lines}
    assert shown["since"] == "06-20 15:30（北京时间）"
    assert shown["length"] == "5 小时 25 分钟"
    assert shown["peak"].startswith("负面 180 条 · 06-20 16:25")
    assert shown["total"] == "负面 412 条"
    assert shown["acked"] == "张敏"
    nobody = compose(replace(REPORTS["resolved"], acked_by=None, total=None, resolved_at=None, peak_value=None), "zh")
    assert {line.name: line.text for line in nobody.lines}["acked"] == "无人认领"
    assert nobody.first_line == "【红】已解除 云杉咖啡 食品安全"


def test_many_blind_sources_are_counted_not_listed() -> None:
    report = replace(REPORTS["data_gap"], blind=REPORTS["data_gap"].blind * 4)
    blind = [line.text for line in compose(report, "zh").lines if line.name == "blind"]
    assert len(blind) == 6 and blind[-1] == "8 个来源看不到"


def test_the_delivery_key_is_shown() -> None:
    assert [line.text for line in compose(FULL, "en").lines if line.name == "key"] == ["7K2QD:1"]
    assert [line.text for line in compose(FULL, "en", kind_key="X:9").lines if line.name == "key"] == ["X:9"]


def test_every_field_of_a_report_can_be_missing() -> None:
    for one in fields(FULL):
        if one.default is None:
            assert compose(replace(FULL, **{one.name: None}), "zh").lines
    first = compose(replace(FULL, first_publisher=None, at=None), "zh")
    assert {line.name: line.text for line in first.lines}["first"] == "06-20 15:28（北京时间）"


@pytest.mark.parametrize(("locale", "words"), [("zh", "在 Kibana 中查看"), ("en", "open in Kibana")])
def test_kibana_is_linked_in_full_messages_and_never_on_loopback(locale, words: str) -> None:
    url = "https://kibana.example/app/dashboards#/view/x?_g=(time:(from:'2026-06-20T07:30:00.000Z'))"
    message = compose(replace(FULL, kibana_url=url), locale)
    (line,) = [line for line in message.lines if line.name == "kibana"]
    assert (line.text, line.keep) == (words, 0)
    assert line.url and line.url.startswith("https://kibana.example/app/dashboards#/view/x?_g=")
    assert not [line for line in message.shown(1) if line.name == "kibana"]
    assert line.url in str(blocks_of(message, 0)).replace("\\'", "'")
    for own in ("http://localhost:5601/app/x", "http://127.0.0.1/app/x", None):
        assert "kibana" not in [line.name for line in compose(replace(FULL, kibana_url=own), locale).lines]
