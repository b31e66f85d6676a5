"""Why an incident fired, as one plain sentence in the reader's language."""

from collections.abc import Mapping
from typing import Any, Literal

from domain.incident import Incident

__all__ = ["why"]

_WORDS: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "burst": "{window}内 {authors} 人发出 {value} 条{on}，平时约 {expected} 条",
        "story": "{window}内 {authors} 人在说同一件事，该品牌平时单件事达不到这个量",
        "share": "，{on}占比 {share}（平时 {usual}）",
        "match": "{value} 条内容符合规则条件",
        "threshold": "{window}内{on}{measure}达到 {value}，设定为 {limit}",
        "negative": "负面",
        "neutral": "中性",
        "positive": "正面",
        "all": "提及",
        "mentions": "数量",
        "authors": "人数",
        "share_name": "占比",
        "p_negative": "负面量",
        "day": "{n} 天",
        "hour": "{n} 小时",
        "minute": "{n} 分钟",
    },
    "en": {
        "burst": "{value} {on} mentions by {authors} people in {window}, usually about {expected}",
        "story": "{authors} people told one story in {window}, more than any story of this brand usually draws",
        "share": "; {on} share {share} (usually {usual})",
        "match": "{value} mentions match the rule",
        "threshold": "{on} {measure} reached {value} in {window}, the limit is {limit}",
        "negative": "negative",
        "neutral": "neutral",
        "positive": "positive",
        "all": "all",
        "mentions": "count",
        "authors": "authors",
        "share_name": "share",
        "p_negative": "volume",
        "day": "{n} d",
        "hour": "{n} h",
        "minute": "{n} min",
    },
}


def why(incident: Incident, reason: Mapping[str, Any], locale: Literal["zh", "en"]) -> str:
    """Return the sentence; empty where the reason does not say enough."""
    words = _WORDS[locale]
    on = words.get(str(reason.get("on", "negative")), "")
    try:
        if incident.kind == "match":
            return words["match"].format(value=f"{incident.value:.0f}")
        window = _span(int(reason["window_s"]), words)
        if incident.kind == "threshold":
            measure = words["share_name"] if reason["measure"] == "share" else words[str(reason["measure"])]
            value, limit = (_figure(reason[name], measure=str(reason["measure"])) for name in ("value", "at_least"))
            return words["threshold"].format(window=window, on=on, measure=measure, value=value, limit=limit)
        return _burst(reason, window, on, words)
    except (KeyError, TypeError, ValueError):
        return ""


def _burst(reason: Mapping[str, Any], window: str, on: str, words: Mapping[str, str]) -> str:
    facts = {"window": window, "on": on, "authors": f"{reason['authors']:.0f}", "value": f"{reason['value']:.0f}"}
    if reason.get("story"):
        told = words["story"].format(**facts)
    else:
        told = words["burst"].format(**facts, expected=_rounded(float(reason["expected"])))
    if reason.get("on") == "all":
        return told
    return told + words["share"].format(on=on, share=f"{reason['share']:.0%}", usual=f"{reason['usual_share']:.0%}")


def _figure(value: float, *, measure: str) -> str:
    return f"{value:.0%}" if measure == "share" else _rounded(float(value))


def _rounded(value: float) -> str:
    return f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def _span(seconds: int, words: Mapping[str, str]) -> str:
    for unit, size in (("day", 86_400), ("hour", 3_600)):
        if seconds >= 2 * size or (unit == "hour" and seconds >= size):
            return words[unit].format(n=f"{seconds / size:g}")
    return words["minute"].format(n=f"{seconds / 60:g}")
