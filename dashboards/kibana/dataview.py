"""The data view `mentions`: names for people, links, and fields computed while reading."""

from collections.abc import Mapping
from types import MappingProxyType

from dashboards.kibana.saved import DATA_VIEW_ID, Json, SavedObject, compact, object_id
from domain.query import FieldType

__all__ = ["LABELS", "RUNTIME_FIELDS", "data_view", "runtime_types"]

LABELS: Mapping[str, str] = MappingProxyType(
    {
        "author.followers": "粉丝",
        "author.name": "作者",
        "author.region": "地区",
        "author.verified": "认证",
        "brand": "品牌",
        "confidence": "把握",
        "engagement.comments": "评论",
        "engagement.favourites": "收藏",
        "engagement.likes": "点赞",
        "engagement.shares": "转发",
        "engagement.views": "阅读或播放",
        "event_at": "时间",
        "first_collected_at": "首次收录",
        "flags": "标记",
        "is_duplicate": "相似转载",
        "keywords": "关键词",
        "kind": "形式",
        "last_collected_at": "最近收录",
        "negative_for": "对谁负面",
        "neutral_for": "对谁中性",
        "outlet": "发布者",
        "outlet_tier": "媒体级别",
        "p_negative": "负面概率",
        "platform": "平台",
        "positive_for": "对谁正面",
        "published_at": "发布时间",
        "reach": "触达（人）",
        "risk": "风险",
        "score": "情感分",
        "sentiment": "情感",
        "severity": "严重程度",
        "source": "来源",
        "story_id": "事件",
        "text": "正文",
        "title": "标题",
        "topics": "主题",
        "url": "原文",
    }
)
"""Name for people of each field that a panel or a column shows."""

_BRAND_POLARITY = """
for (def brand : doc['negative_for']) { emit(brand + ' · 负面'); }
for (def brand : doc['neutral_for']) { emit(brand + ' · 中性'); }
for (def brand : doc['positive_for']) { emit(brand + ' · 正面'); }
"""
_AUTHOR = """
if (doc['platform'].size() == 0) { return; }
String platform = doc['platform'].value;
if (doc['author.id'].size() > 0) { emit(platform + '|i|' + doc['author.id'].value); }
else if (doc['author.name'].size() > 0) { emit(platform + '|n|' + doc['author.name'].value); }
else if (doc['id'].size() > 0) { emit(platform + '|m|' + doc['id'].value); }
"""
_LATENESS = """
if (doc['published_at'].size() > 0 && doc['first_collected_at'].size() > 0) {
  long late = doc['first_collected_at'].value.toInstant().toEpochMilli()
      - doc['published_at'].value.toInstant().toEpochMilli();
  emit(late / 60000.0);
}
"""
_HOUR = """
if (doc['event_at'].size() > 0) {
  int hour = doc['event_at'].value.withZoneSameInstant(ZoneId.of('Asia/Shanghai')).getHour();
  emit((hour < 10 ? '0' : '') + hour + ' 时');
}
"""
_WEEKDAY = """
if (doc['event_at'].size() > 0) {
  int day = doc['event_at'].value.withZoneSameInstant(ZoneId.of('Asia/Shanghai')).getDayOfWeek().getValue();
  String[] names = new String[] {'周一', '周二', '周三', '周四', '周五', '周六', '周日'};
  emit(day + ' ' + names[day - 1]);
}
"""

RUNTIME_FIELDS: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "author_key": ("keyword", "作者（跨名去重）", _AUTHOR),
        "brand_polarity": ("keyword", "品牌 · 情感", _BRAND_POLARITY),
        "hour_of_day": ("keyword", "小时（北京）", _HOUR),
        "lateness_min": ("double", "收录延迟（分钟）", _LATENESS),
        "weekday": ("keyword", "星期（北京）", _WEEKDAY),
    }
)
"""(Elasticsearch type, name for people, Painless source) of each field that is computed while reading.

`brand_polarity` counts what a text says about each brand it names, as the product's counts
do; a filter on two fields would mix brands up. `author_key` is the product's own notion of
one author: platform and id, else name, else the mention.
"""

_STORY = (
    "../app/dashboards#/view/BOARD?_g=(time:(from:now-30d,to:now))"
    "&_a=(query:(language:kuery,query:'story_id:%22{{value}}%22'))"
)


def runtime_types() -> dict[str, FieldType]:
    """Return how the values of the computed fields are compared."""
    kinds = {"keyword": FieldType.KEYWORD, "double": FieldType.NUMBER}
    return {name: kinds[kind] for name, (kind, _, _) in RUNTIME_FIELDS.items()}


def data_view(index: str = DATA_VIEW_ID) -> SavedObject:
    """Return the data view over the read alias `index`, with event time as its time."""
    story = _STORY.replace("BOARD", object_id("dashboard", "crisis-room"))
    formats: Json = {
        "engagement.views": {"id": "number", "params": {"pattern": "0,0"}},
        "author.followers": {"id": "number", "params": {"pattern": "0,0"}},
        "lateness_min": {"id": "number", "params": {"pattern": "0,0.0"}},
        "story_id": {"id": "url", "params": {"urlTemplate": story}},
        "url": {"id": "url", "params": {"labelTemplate": "打开原文"}},
    }
    names = dict(LABELS) | {name: label for name, (_, label, _) in RUNTIME_FIELDS.items()}
    runtime = {
        name: {"script": {"source": source.strip()}, "type": kind} for name, (kind, _, source) in RUNTIME_FIELDS.items()
    }
    return SavedObject(
        type="index-pattern",
        id=DATA_VIEW_ID,
        attributes={
            "allowNoIndex": True,
            "fieldAttrs": compact({name: {"customLabel": label} for name, label in names.items()}),
            "fieldFormatMap": compact(formats),
            "fields": "[]",
            "name": "听风 提及",
            "runtimeFieldMap": compact(runtime),
            "sourceFilters": "[]",
            "timeFieldName": "event_at",
            "title": index,
            "typeMeta": "{}",
        },
    )
