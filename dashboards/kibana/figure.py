"""The trade's figures as Lens measures; `dashboards.kpi` computes the same from counts."""

from dashboards.kibana.bucket import Dates, Terms
from dashboards.kibana.measure import Count, Expression, Formula, Math, Stat
from dashboards.kpi import HEALTH_PRIOR

__all__ = [
    "AUTHORS",
    "BRANDS",
    "BRAND_POLARITY",
    "ENGAGEMENT",
    "FOLLOWERS",
    "HEALTH",
    "NEGATIVE",
    "NEGATIVE_FOR",
    "NEGATIVE_SHARE",
    "NEWEST",
    "OLDEST",
    "PLATFORMS",
    "POSITIVE_SHARE",
    "REACH",
    "REACH_KNOWN",
    "RISKS",
    "SENTIMENT",
    "STORIES",
    "STORY_ROWS",
    "TIME",
    "TOPICS",
    "VOLUME",
]

_NEGATIVE, _POSITIVE = "negative_for: *", "positive_for: *"


def _sum(field: str) -> Stat:
    return Stat(op="sum", field=field)


def _health() -> Expression:
    """Return 50 × (1 + (P − N) ÷ (P + N + prior))."""
    positive, negative = Count(kql=_POSITIVE), Count(kql=_NEGATIVE)
    surplus = Math(op="subtract", left=positive, right=negative)
    both = Math(op="add", left=Math(op="add", left=positive, right=negative), right=HEALTH_PRIOR)
    return Math(op="multiply", left=50, right=Math(op="add", left=1, right=Math(op="divide", left=surplus, right=both)))


VOLUME = Count(label="声量", format="number")
NEGATIVE = Count(label="负面", kql=_NEGATIVE, format="number")
NEGATIVE_SHARE = Formula(label="负面率", value=Math(op="divide", left=Count(kql=_NEGATIVE), right=Count()))
POSITIVE_SHARE = Formula(label="正面率", value=Math(op="divide", left=Count(kql=_POSITIVE), right=Count()))
ENGAGEMENT = Formula(
    label="互动",
    value=Math(
        op="add",
        left=Math(op="add", left=_sum("engagement.likes"), right=_sum("engagement.comments")),
        right=Math(op="add", left=_sum("engagement.shares"), right=_sum("engagement.favourites")),
    ),
    format="compact",
)
REACH = Stat(op="sum", field="reach", label="触达（人）", format="compact")
REACH_KNOWN = Formula(label="触达已知的比例", value=Math(op="divide", left=Count(kql="reach: *"), right=Count()))
HEALTH = Formula(label="健康指数", value=_health(), format="number")
AUTHORS = Stat(op="unique_count", field="author_key", label="作者", format="number")
STORIES = Stat(op="unique_count", field="story_id", label="事件数", format="number")
FOLLOWERS = Stat(op="max", field="author.followers", label="最大粉丝", format="compact")
OLDEST = Stat(op="min", field="event_at", label="最早", date=True)
NEWEST = Stat(op="max", field="event_at", label="最新", date=True)

TIME = Dates()
BRANDS = Terms(field="brand", label="品牌")
BRAND_POLARITY = Terms(field="brand_polarity", label="品牌 · 情感", size=30)
NEGATIVE_FOR = Terms(field="negative_for", label="品牌")
SENTIMENT = Terms(field="sentiment", label="情感", size=3)
PLATFORMS = Terms(field="platform", label="平台", size=20)
TOPICS = Terms(field="topics", label="主题", size=15)
RISKS = Terms(field="risk", label="风险", size=15)
STORY_ROWS = Terms(field="story_id", label="事件", size=20)
