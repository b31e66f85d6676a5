"""Saved searches: the questions that PR staff ask of single mentions."""

from dataclasses import dataclass

from dashboards.kibana.board import COUNTED
from dashboards.kibana.saved import DATA_VIEW_ID, Reference, SavedObject, compact, object_id

__all__ = ["SEARCHES", "Search", "saved_search"]

_COLUMNS = ("platform", "sentiment", "title", "text", "author.name", "author.followers", "url")


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """One saved search."""

    key: str
    """Lower-case name; the id follows from it."""
    title: str
    """Title for people."""
    description: str
    """What it finds, one sentence."""
    kql: str
    """Query in the query language."""
    columns: tuple[str, ...] = _COLUMNS
    """Fields shown beside the time, left to right."""
    sort: str = "event_at"
    """Field that it is sorted by, highest first."""


SEARCHES: tuple[Search, ...] = (
    Search(key="mentions", title="听风 全部提及", description="命名了监测品牌的全部提及，最新在前。", kql=COUNTED),
    Search(
        key="negative",
        title="听风 负面提及",
        description="对任一监测品牌为负面的提及，最新在前。",
        kql=f"{COUNTED} and negative_for: *",
        columns=(
            "platform",
            "negative_for",
            "risk",
            "title",
            "text",
            "author.name",
            "author.followers",
            "story_id",
            "url",
        ),
    ),
    Search(
        key="first-posts",
        title="听风 负面首发",
        description="负面事件的第一篇，不含相似转载。",
        kql=f"{COUNTED} and negative_for: * and is_duplicate: false",
        columns=("platform", "outlet", "title", "text", "author.name", "author.followers", "story_id", "url"),
    ),
    Search(
        key="grave-risk",
        title="听风 高风险",
        description="命中风险类别且严重程度不低于 50，最严重在前。",
        kql=f"{COUNTED} and risk: * and severity >= 50",
        columns=("severity", "risk", "platform", "title", "text", "author.name", "author.followers", "url"),
        sort="severity",
    ),
    Search(
        key="loud-authors",
        title="听风 大号发声",
        description="粉丝不少于 10 万的作者，粉丝多的在前。",
        kql=f"{COUNTED} and author.followers >= 100000",
        columns=("author.name", "author.followers", "platform", "sentiment", "title", "text", "url"),
        sort="author.followers",
    ),
    Search(
        key="most-shared",
        title="听风 传播最广",
        description="转发数已知的提及，转发多的在前。",
        kql=f"{COUNTED} and engagement.shares >= 1",
        columns=(
            "engagement.shares",
            "engagement.comments",
            "engagement.likes",
            "platform",
            "sentiment",
            "title",
            "text",
            "url",
        ),
        sort="engagement.shares",
    ),
    Search(
        key="deleted",
        title="听风 已删除原文",
        description="收录后原文被删除的提及。",
        kql="brand: * and flags: deleted",
        columns=("platform", "sentiment", "title", "text", "author.name", "first_collected_at", "last_collected_at"),
    ),
)


def saved_search(search: Search) -> SavedObject:
    """Return a saved search over the data view `mentions`."""
    name = "kibanaSavedObjectMeta.searchSourceJSON.index"
    source = {"filter": [], "indexRefName": name, "query": {"language": "kuery", "query": search.kql}}
    return SavedObject(
        type="search",
        id=object_id("search", search.key),
        attributes={
            "columns": list(search.columns),
            "description": search.description,
            "grid": {},
            "hideChart": False,
            "kibanaSavedObjectMeta": {"searchSourceJSON": compact(source)},
            "sort": [[search.sort, "desc"]],
            "title": search.title,
        },
        references=(Reference(name=name, type="index-pattern", id=DATA_VIEW_ID),),
    )
