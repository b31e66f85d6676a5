"""Short ways to build what the tests of the analysis need."""

from datetime import UTC, datetime

from domain.mention import Kind, Mention, Post, RepostOf
from domain.tagging import BrandDefinition, RiskCategory, TopicDefinition

MOMENT = datetime(2026, 3, 2, 4, 5, tzinfo=UTC)


def a_mention(
    text: str,
    *,
    id: str = "1",
    platform: str = "weibo",
    title: str | None = None,
    kind: Kind = Kind.POST,
    own_text: str | None = None,
    repost_of: RepostOf | None = None,
) -> Mention:
    post = Post(
        platform=platform, native_id=id, kind=kind, text=text, title=title, own_text=own_text, repost_of=repost_of
    )
    return Mention(id=f"{platform}:{id}", post=post, source="test", first_collected_at=MOMENT, last_collected_at=MOMENT)


YUNSHAN = BrandDefinition(
    id="yunshan", name="云杉咖啡", query='云杉咖啡 or "云杉拿铁" or 云杉 NEAR/10 咖啡', aliases=("Yunshan Coffee",)
)
BAILU = BrandDefinition(id="bailu", name="白鹿茶饮", query="白鹿茶饮 or 白鹿奶茶")

FOOD = RiskCategory(
    id="food_safety", name="食品安全", name_en="Food safety", weight=0.6, strong=True,
    words=("吃出…虫", "拉肚子", "食物中毒", "过期"),
)  # fmt: skip
RECALL = RiskCategory(id="recall", name="召回", name_en="Recall", weight=0.6, strong=True, words=("召回", "下架"))
SERVICE = RiskCategory(
    id="service_complaint", name="服务投诉", name_en="Complaints", weight=0.35, strong=False,
    words=("态度差", "态度", "拒绝退款", "投诉"),
)  # fmt: skip
RISKS = (FOOD, RECALL, SERVICE)

TOPICS = (
    TopicDefinition(id="service", name="服务", name_en="Service", query="服务 or 客服 or 态度"),
    TopicDefinition(id="price", name="价格", name_en="Price", query="涨价 or 太贵"),
    TopicDefinition(id="weibo_only", name="微博", name_en="Weibo", query="platform: weibo and 客服"),
)
