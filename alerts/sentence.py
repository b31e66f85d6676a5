"""Why an incident fired, as one plain sentence in the reader's language."""

from collections.abc import Mapping
from typing import Any, Literal

from alerts.text import number_text
from alerts.words import platform_name
from domain.incident import Incident, IncidentState

__all__ = ["trend_subject", "why"]

_WORDS: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "burst": "{window}内 {authors} 人发出 {value} 条{on}，平时约 {expected} 条",
        "story": "{window}内 {authors} 人在说同一件事，该品牌平时单件事达不到这个量",
        "share": "，{on}占比 {share}（平时 {usual}）",
        "match": "{value} 条内容符合规则条件",
        "threshold": "{window}内{on}{measure}达到 {value}，设定为 {limit}",
        "trend_bad": "；标题对品牌不利",
        "trend_list": "{platform}热搜第 {rank} 位{more}",
        "trend_left": "{platform}热搜已离榜，最高第 {best} 位{more}",
        "trend_best": "最高第 {best} 位",
        "trend_hot": "热度 {hot}",
        "trend_label": "标“{label}”",
        "trend_more": "（{facts}）",
        "trend_and": "，",
        "trend_next": "；",
        "trend_short": "{platform}热搜第 {rank} 位",
        "trend_short_left": "{platform}热搜最高第 {best} 位",
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
        "trend_bad": "; the line speaks badly of the brand",
        "trend_list": "no. {rank} on the hot list of {platform}{more}",
        "trend_left": "off the hot list of {platform}, best no. {best}{more}",
        "trend_best": "best no. {best}",
        "trend_hot": "heat {hot}",
        "trend_label": "marked {label}",
        "trend_more": " ({facts})",
        "trend_and": ", ",
        "trend_next": "; ",
        "trend_short": "no. {rank} on {platform}",
        "trend_short_left": "was no. {best} on {platform}",
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
        if incident.kind == "trend":
            return _trend(incident, reason, locale)
        window = _span(int(reason["window_s"]), words)
        if incident.kind == "threshold":
            measure = words["share_name"] if reason["measure"] == "share" else words[str(reason["measure"])]
            value, limit = (_figure(reason[name], measure=str(reason["measure"])) for name in ("value", "at_least"))
            return words["threshold"].format(window=window, on=on, measure=measure, value=value, limit=limit)
        return _burst(reason, window, on, words)
    except (KeyError, TypeError, ValueError):
        return ""


def trend_subject(incident: Incident, reason: Mapping[str, Any], locale: Literal["zh", "en"]) -> str:
    """Return where the line of a `trend` incident stands or stood best, in few words; empty where nobody knows."""
    words = _WORDS[locale]
    try:
        lists = _lists(incident, reason)
        best = min(lists, key=lambda each: (not each["on"], each["rank" if each["on"] else "best_rank"]))
        form = words["trend_short" if best["on"] else "trend_short_left"]
        platform = platform_name(str(best["platform"]), locale)
        return form.format(platform=platform, rank=int(best["rank"]), best=int(best["best_rank"]))
    except (KeyError, TypeError, ValueError):
        return ""


def _lists(incident: Incident, reason: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the lists of a reason; of an incident that is over, the line is on none of them any more."""
    over = incident.state is IncidentState.RESOLVED
    return [{**each, "on": bool(each["on"]) and not over} for each in reason["lists"]]


def _trend(incident: Incident, reason: Mapping[str, Any], locale: Literal["zh", "en"]) -> str:
    words = _WORDS[locale]
    told = []
    for each in _lists(incident, reason):
        facts = []
        if each["on"] and each["best_rank"] < each["rank"]:
            facts.append(words["trend_best"].format(best=int(each["best_rank"])))
        if each["on"] and each.get("hot") is not None:
            facts.append(words["trend_hot"].format(hot=number_text(float(each["hot"]), locale)))
        if each["on"] and each.get("label"):
            facts.append(words["trend_label"].format(label=str(each["label"])[:10]))
        more = words["trend_more"].format(facts=words["trend_and"].join(facts)) if facts else ""
        form = words["trend_list" if each["on"] else "trend_left"]
        platform = platform_name(str(each["platform"]), locale)
        told.append(form.format(platform=platform, rank=int(each["rank"]), best=int(each["best_rank"]), more=more))
    bad = words["trend_bad"] if reason.get("polarity") == "negative" else ""
    return words["trend_next"].join(told) + bad


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
