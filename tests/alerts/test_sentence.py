"""Why it fired, in one sentence."""

import json
from dataclasses import replace
from typing import Any

import pytest

from alerts.sentence import trend_subject, why
from domain.incident import IncidentState
from tests.alerts.test_incidents import opened

BURST: dict[str, Any] = {
    "on": "negative", "window_s": 1800, "authors": 35.0, "value": 42.0, "expected": 3.25,
    "share": 0.64, "usual_share": 0.08, "story": "",
}  # fmt: skip
HOT: dict[str, Any] = {
    "polarity": "negative",
    "lists": [
        {"platform": "weibo", "rank": 3, "best_rank": 1, "hot": 1_234_567, "label": "爆", "on": True},
        {"platform": "baidu", "rank": 25, "best_rank": 20, "hot": 9, "label": "热", "on": False},
    ],
}
LIMIT: dict[str, Any] = {"on": "all", "window_s": 3600, "measure": "mentions", "value": 120.0, "at_least": 100}


def said(reason: dict[str, Any], kind: str = "burst", locale: Any = "zh") -> str:
    incident = replace(opened(), kind=kind, value=3.0, reason=json.dumps(reason))
    return why(incident, reason, locale)


@pytest.mark.parametrize(
    ("reason", "kind", "locale", "sentence"),
    [
        (BURST, "burst", "zh", "30 分钟内 35 人发出 42 条负面，平时约 3.2 条，负面占比 64%（平时 8%）"),
        (
            BURST,
            "burst",
            "en",
            "42 negative mentions by 35 people in 30 min, usually about 3.2; negative share 64% (usually 8%)",
        ),
        ({**BURST, "on": "all", "window_s": 86_400}, "burst", "zh", "24 小时内 35 人发出 42 条提及，平时约 3.2 条"),
        (
            {**BURST, "on": "all", "window_s": 172_800},
            "burst",
            "en",
            "42 all mentions by 35 people in 2 d, usually about 3.2",
        ),
        (
            {**BURST, "story": "weibo:1", "window_s": 7200},
            "burst",
            "zh",
            "2 小时内 35 人在说同一件事，该品牌平时单件事达不到这个量，负面占比 64%（平时 8%）",
        ),
        ({}, "match", "zh", "3 条内容符合规则条件"),
        ({}, "match", "en", "3 mentions match the rule"),
        (LIMIT, "threshold", "zh", "1 小时内提及数量达到 120，设定为 100"),
        (
            {**LIMIT, "on": "negative", "measure": "share", "value": 0.5, "at_least": 0.4},
            "threshold",
            "en",
            "negative share reached 50% in 1 h, the limit is 40%",
        ),
        (
            HOT,
            "trend",
            "zh",
            "微博热搜第 3 位（最高第 1 位，热度 123万，标“爆”）；百度热搜已离榜，最高第 20 位；标题对品牌不利",
        ),
        (
            HOT,
            "trend",
            "en",
            "no. 3 on the hot list of weibo (best no. 1, heat 1.2M, marked 爆); "
            "off the hot list of baidu, best no. 20; the line speaks badly of the brand",
        ),
        ({"lists": [{"platform": "zhihu", "rank": 2, "best_rank": 2, "on": True}]}, "trend", "zh", "知乎热搜第 2 位"),
        ({"lists": "x"}, "trend", "zh", ""),
        ({}, "burst", "zh", ""),
        ({"window_s": "x"}, "threshold", "en", ""),
    ],
)
def test_it_says_what_was_measured(reason: dict[str, Any], kind: str, locale: str, sentence: str) -> None:
    assert said(reason, kind, locale) == sentence


def test_a_line_of_a_hot_list_is_told_in_few_words() -> None:
    incident = replace(opened(), kind="trend")
    over = replace(incident, state=IncidentState.RESOLVED)
    assert trend_subject(incident, HOT, "zh") == "微博热搜第 3 位"
    assert trend_subject(over, HOT, "zh") == "微博热搜最高第 1 位"
    assert trend_subject(over, HOT, "en") == "was no. 1 on weibo"
    assert why(over, HOT, "zh").startswith("微博热搜已离榜，最高第 1 位；百度热搜已离榜")
    assert trend_subject(incident, {"lists": []}, "zh") == trend_subject(incident, {}, "en") == ""
