"""The messages of fourteen kinds of incident, word for word, in both channels and languages.

Set TINGFENG_WRITE_GOLDEN=1 to write them anew, then read the difference.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from alerts.message import FIRST_LINE_CHARS, compose
from alerts.notifiers.slack_block import blocks_of, fallback_text, plain_text
from alerts.notifiers.wecom_robot import markdown_of, text_of
from alerts.words import LEVELS, WORDS, Locale
from domain.incident import DeliveryKind
from service.demo.sink_page import _words
from service.demo.sink_render import Span, mrkdwn_lines, plain_of, wecom_lines
from service.demo.sink_slack import message_error
from tests.alerts.kit import REPORTS

GOLDEN = Path(__file__).resolve().parent.parent / "alerts" / "golden"
CASES = [pytest.param(name, locale, id=f"{name}-{locale}") for name in REPORTS for locale in ("zh", "en")]
EVERY_KIND = set(DeliveryKind)


def slack_text(name: str, locale: Locale) -> str:
    message = compose(REPORTS[name], locale)
    parts = [fallback_text(message)]
    for block in blocks_of(message, 0):
        parts.append(f"[{block['type']}]")
        parts += [_words(block["text"])] if "text" in block else [_words(one) for one in block["elements"]]
    return "\n".join([*parts, "--- text", plain_text(message)])


def wecom_text(name: str, locale: Locale) -> str:
    message = compose(REPORTS[name], locale)
    return "\n".join([markdown_of(message, 0, ["zhangmin"]), "--- text", text_of(message)])


def test_golden_covers_every_kind_of_message() -> None:
    assert {report.kind for report in REPORTS.values()} == EVERY_KIND
    assert len(REPORTS) >= 12


@pytest.mark.parametrize(("name", "locale"), CASES)
@pytest.mark.parametrize("channel", ["slack", "wecom_robot"])
def test_message_is_as_golden(name: str, locale: Locale, channel: str) -> None:
    path = GOLDEN / f"{name}.{channel}.{locale}.txt"
    text = (slack_text if channel == "slack" else wecom_text)(name, locale) + "\n"
    if os.environ.get("TINGFENG_WRITE_GOLDEN") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "locale"), CASES)
def test_first_line_fits_the_lock_screen_and_names_its_facts(name: str, locale: Locale) -> None:
    report = REPORTS[name]
    line = compose(report, locale).first_line
    assert 0 < len(line) <= FIRST_LINE_CHARS
    assert "\n" not in line
    if report.kind in (DeliveryKind.NOTICE, DeliveryKind.TEST):
        assert line.startswith(WORDS[locale]["open"] + WORDS[locale][report.kind.value])
        return
    assert LEVELS[locale][report.severity.value] in line
    assert report.brand[:2] in line
    if report.kind is DeliveryKind.FIRING and report.value is not None:
        assert re.search(r"负面 [\d.]+万? 条" if locale == "zh" else r"[\d.]+k? neg", line)
    if report.kind is DeliveryKind.FIRING and report.value is None:
        assert not re.search(r"\d", line)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("firing_full", "【红】云杉咖啡 食品安全 负面 42 条（平时 3）"),
        ("firing_unknowns", "【橙】云杉咖啡"),
        ("firing_zero", "【黄】云杉咖啡 负面 6 条（平时 0）"),
        ("escalated", "【红】升级 云杉咖啡 食品安全 负面 180 条（平时 3）"),
        ("acked", "【红】已认领 云杉咖啡 食品安全 张敏"),
        ("data_gap", "【红】数据缺口 云杉咖啡 食品安全 2 个来源看不到"),
        ("resolved", "【红】已解除 云杉咖啡 食品安全 共 412 条"),
    ],
)
def test_first_line_says_level_brand_subject_and_count(name: str, line: str) -> None:
    assert compose(REPORTS[name], "zh").first_line == line


@pytest.mark.parametrize(("name", "locale"), CASES)
def test_slack_and_wecom_would_take_every_message(name: str, locale: Locale) -> None:
    message = compose(REPORTS[name], locale, repeat=True)
    for degrade in (0, 1):
        assert message_error({"text": fallback_text(message), "blocks": blocks_of(message, degrade)}) == ""
        assert len(str(blocks_of(message, degrade))) <= 10_000 + 2_000
        assert len(markdown_of(message, degrade, ["a"]).encode()) <= 4_096
    assert message_error({"text": plain_text(message)}) == ""
    assert len(text_of(message).encode()) <= 2_048


def _rendered(locale: Locale) -> dict[str, list[Span]]:
    message = compose(REPORTS["firing_hostile"], locale)
    shown: dict[str, list[Span]] = {"wecom_robot": [], "slack": []}
    for line in wecom_lines(markdown_of(message, 0, [])):
        shown["wecom_robot"] += line
    texts = [fallback_text(message)]
    for block in blocks_of(message, 0):
        texts += [_words(one) for one in block.get("elements", [block.get("text")]) if block["type"] != "header"]
    for text in texts:
        for line in mrkdwn_lines(text):
            shown["slack"] += line
    return shown


@pytest.mark.parametrize("locale", ["zh", "en"])
@pytest.mark.parametrize("channel", ["slack", "wecom_robot"])
def test_hostile_text_calls_nobody_and_links_nowhere(locale: Locale, channel: str) -> None:
    spans = _rendered(locale)[channel]
    hosts = {span.url.split("/")[2] for span in spans if span.kind == "link"}
    assert [span for span in spans if span.kind in ("mention", "code")] == []
    assert hosts == {"weibo.example", "tingfeng.example"}
    everything = "".join(span.text for span in spans)
    assert "\u202e" not in everything and "```" not in everything
    assert "evil.example" in everything, "the words are shown, they only lead nowhere"


def test_a_link_of_ours_to_loopback_is_never_shown() -> None:
    report = REPORTS["firing_zero"]
    for locale in ("zh", "en"):
        assert "127.0.0.1" not in slack_text("firing_zero", locale) + wecom_text("firing_zero", locale)
        assert "8650" not in str(compose(replace(report, console_url="http://localhost:8650/i"), locale))


def test_unknown_facts_are_left_out_and_zeros_are_shown() -> None:
    unknown, zero = plain_of(wecom_lines(wecom_text("firing_unknowns", "zh"))), wecom_text("firing_zero", "zh")
    for word in ("平时", "转", "粉丝", "作者", "占比", "首发", "0 条"):
        assert word not in unknown
    for word in ("转 0", "评 0", "赞 0", "粉丝 0", "平时 0"):
        assert word in zero
    assert "看 0" not in zero
