"""What a settings file would do, in lines for people (`tingfeng check`)."""

from collections.abc import Sequence
from typing import Literal

from config.errors import redact
from config.settings import RouteSettings, Settings, SourceSettings
from config.values import format_duration

__all__ = ["explain"]

_WORDS: dict[str, tuple[str, str]] = {
    "file": ("设置文件", "settings"),
    "data": ("数据", "data"),
    "brands": ("监听的品牌", "brands watched"),
    "sources": ("来源", "sources"),
    "rules": ("规则", "rules"),
    "routes": ("通知", "notifications"),
    "none": ("（无）", "(none)"),
    "all_brands": ("所有品牌", "all brands"),
    "every": ("每", "every"),
    "tier": ("级别", "tier"),
    "robots": ("不遵守 robots.txt", "robots.txt overridden"),
    "everything": ("全部告警", "every alert"),
    "when": ("当", "when"),
    "then": ("无人确认", "if nobody acknowledges within"),
    "after": ("后再通知", "also"),
    "all_receivers": ("所有接收人", "every receiver"),
    "off": ("已停用", "switched off"),
    "operator": ("系统通知", "operator notices"),
    "aliases": ("别名", "aliases"),
    "competitors": ("竞品", "competitors"),
    "warnings": ("请注意", "please note"),
    "topics": ("主题", "topics"),
    "risks": ("风险类别", "risk categories"),
    "continue": ("并继续往下匹配", "and goes on"),
    "fallback": ("不通时改发", "falls back to"),
    "store": ("存储", "storage"),
}


def explain(settings: Settings) -> list[str]:
    """Explain what would run: brands, sources with their tier, rules, routes, warnings.

    Returns:
        Lines in the language of `locale`; headings are flush left, entries indented by two
        spaces. No line holds a secret.
    """
    word = _Words(settings.locale)
    lines = [f"{word('file')}: {settings.path}", f"{word('data')}: {settings.data_dir}"]
    lines.append(f"{word('store')}: {settings.storage.mentions}")
    lines += _section(word, "brands", _brands(settings, word))
    lines += _section(word, "sources", [_source(one, word) for one in settings.sources])
    lines += _section(word, "rules", _rules(settings, word))
    lines += _section(word, "routes", _routes(settings, word))
    lines.append(f"{word('topics')}: {len(settings.topics)}  {word('risks')}: {len(settings.risks)}")
    if settings.warnings:
        lines += _section(word, "warnings", list(settings.warnings))
    return lines


class _Words:
    def __init__(self, locale: Literal["zh", "en"]) -> None:
        self._column = 0 if locale == "zh" else 1

    def __call__(self, key: str) -> str:
        return _WORDS[key][self._column]


def _section(word: _Words, key: str, entries: Sequence[str]) -> list[str]:
    return [f"{word(key)}: {len(entries)}", *(f"  {entry}" for entry in entries or [word("none")])]


def _brands(settings: Settings, word: _Words) -> list[str]:
    lines = []
    for brand in settings.brands:
        parts = [f"{brand.id}  {brand.name}  {brand.query}"]
        for key, names in (("aliases", brand.aliases), ("competitors", brand.competitors)):
            if names:
                parts.append(f"{word(key)}: {', '.join(names)}")
        lines.append("  ".join(parts))
    return lines


def _source(source: SourceSettings, word: _Words) -> str:
    parts = [
        source.name,
        f"{source.platform}/{source.transport}",
        f"{word('every')} {format_duration(source.interval)}",
    ]
    if source.outlet:
        parts.append(source.outlet)
    if source.tier:
        parts.append(f"{word('tier')}: {source.tier}")
    parts.append(redact(source.url or "") or ", ".join(source.query) or ", ".join(source.brands) or word("all_brands"))
    if source.robots == "override":
        parts.append(word("robots"))
    return "  ".join(parts)


def _rules(settings: Settings, word: _Words) -> list[str]:
    lines = []
    for rule in settings.rules:
        parts = [rule.name, rule.kind, str(rule.severity.value), ", ".join(rule.brands) or word("all_brands")]
        if rule.title:
            parts.insert(1, rule.title)
        if not rule.enabled:
            parts.append(word("off"))
        lines.append("  ".join(parts))
    return lines


def _routes(settings: Settings, word: _Words) -> list[str]:
    lines = [_route(route, settings, word) for route in settings.routes]
    if not lines and settings.receivers:
        names = ", ".join(_receiver(one.name, settings, word) for one in settings.receivers)
        lines.append(f"{word('everything')} → {names}")
    if settings.operator:
        lines.append(f"{word('operator')} → {settings.operator}")
    return lines


def _route(route: RouteSettings, settings: Settings, word: _Words) -> str:
    condition = f"{word('when')} {route.match}" if route.match else word("everything")
    text = f"{condition} → {_receiver(route.to, settings, word)}"
    for step in route.escalate:
        text += f"; {word('then')} {format_duration(step.after)} {word('after')} → {step.to}"
    return f"{text} ({word('continue')})" if route.proceed else text


def _receiver(name: str, settings: Settings, word: _Words) -> str:
    for receiver in settings.receivers:
        if receiver.name == name:
            channels = " + ".join(channel for channel, _ in receiver.channels)
            fallback = f", {word('fallback')} {receiver.fallback}" if receiver.fallback else ""
            return f"{name} ({channels}{fallback})"
    return name
