"""`tingfeng check` says what would run."""

from __future__ import annotations

from pathlib import Path

from config import NO_DEFAULTS, explain, load_text
from tests.config.fakes import SPECS

TEXT = """
brands: [{id: yunshan, name: 云杉咖啡, aliases: [云杉], competitors: [白鹿茶饮]}]
sources:
  - {platform: feed, name: news, url: "https://u:hunter22@a.example/?key=hunter22", outlet: 新闻网,
     tier: 中央, robots: override}
  - {platform: gdelt}
  - {platform: weibo, query: [云杉, 咖啡], brands: [yunshan]}
rules:
  - {name: burst, title: 负面激增, kind: burst, severity: critical}
  - {name: off, kind: burst, enabled: false, brands: [yunshan]}
receivers:
  - {name: pr, wecom_robot: {key: hunter22}, slack: {webhook: hunter22}, fallback: head}
  - {name: head, wecom_robot: {key: hunter22}}
routes:
  - {match: 'severity: critical', to: pr, escalate: [{after: 15m, to: head}], continue: true}
  - {to: head}
operator: head
locale: LOCALE
"""


def lines(text: str) -> list[str]:
    return explain(load_text(text, SPECS, folder=Path("/tmp"), environ={}, defaults=NO_DEFAULTS))


def test_explanation_names_all_that_would_run() -> None:
    said = "\n".join(lines(TEXT.replace("LOCALE", "en")))
    for part in (
        "brands watched: 1",
        "yunshan  云杉咖啡",
        "aliases: 云杉",
        "news  feed/open  every 5m  新闻网  tier: 中央",
        "robots.txt overridden",
        "gdelt  gdelt/open  every 5m  all brands",
        "云杉, 咖啡",
        "burst  负面激增  burst  critical  all brands",
        "off  burst  high  yunshan  switched off",
        "when severity: critical → pr (wecom_robot + slack, falls back to head)",
        "if nobody acknowledges within 15m also → head (and goes on)",
        "every alert → head (wecom_robot)",
        "operator notices → head",
        "please note: 1",
    ):
        assert part in said


def test_explanation_is_chinese_by_default() -> None:
    said = "\n".join(lines(TEXT.replace("LOCALE", "zh")))
    assert "监听的品牌: 1" in said
    assert "无人确认 15m 后再通知 → head" in said


def test_explanation_holds_no_secret() -> None:
    assert "hunter22" not in "\n".join(lines(TEXT.replace("LOCALE", "zh")))


def test_bare_settings_are_explained_too() -> None:
    said = "\n".join(lines("brands: [{id: a}]\nlocale: en\n"))
    assert "sources: 0\n  (none)" in said
    assert "notifications: 0\n  (none)" in said


def test_receivers_without_routes_get_every_alert() -> None:
    said = "\n".join(lines("brands: [{id: a}]\nlocale: en\nreceivers: [{name: r, wecom_robot: {key: k}}]\n"))
    assert "every alert → r (wecom_robot)" in said
