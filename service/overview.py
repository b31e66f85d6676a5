"""What the service says of itself: at the start, after some minutes, and on the health page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from config.settings import Settings
from domain.source import SourceHealth, SourceState, VisitState

__all__ = ["CLOSED_PLATFORMS", "Traffic", "closed_lines", "source_view", "traffic_lines", "traffic_of"]

# Platforms whose search is closed to strangers (platforms contract, section 1), and the one next
# step that opens each of them lawfully: key, bridge or export.
CLOSED_PLATFORMS: Mapping[str, tuple[str, str, str]] = {
    "weibo": (
        "微博搜索",
        "登录 weibo.com，复制 Cookie 到环境变量 WEIBO_COOKIE，"
        "再加来源 {platform: weibo, transport: cookie, cookie: ${WEIBO_COOKIE}}",
        "log in at weibo.com, copy the Cookie into WEIBO_COOKIE, "
        "add {platform: weibo, transport: cookie, cookie: ${WEIBO_COOKIE}}",
    ),
    "wechat": (
        "微信公众号",
        "申请智谱或百度千帆的联网搜索密钥（千帆每天 100 次免费），再加来源 {platform: websearch, transport: official, "
        "token: ${KEY}, sites: [mp.weixin.qq.com]}；已知的公众号用自建 wechat2rss 转成 RSS：{platform: feed, url: …}",
        "get a web-search key of Zhipu or Baidu Qianfan (100 calls a day are free there), add {platform: websearch, "
        "transport: official, token: ${KEY}, sites: [mp.weixin.qq.com]}; accounts you know: your own wechat2rss, "
        "{platform: feed, url: …}",
    ),
    "douyin": (
        "抖音",
        "在 open.douyin.com 申请“抖音视频垂搜”权限，再加来源 {platform: douyin, transport: official, token: ${KEY}}；"
        "或导出 CSV 放进导入目录 {platform: import, path: …}",
        "apply for video search at open.douyin.com, add {platform: douyin, transport: official, token: ${KEY}}; "
        "or export CSV into a folder {platform: import, path: …}",
    ),
    "kuaishou": (
        "快手",
        "从数据服务商导出 CSV，放进导入目录 {platform: import, path: …}",
        "export CSV from a data partner into a folder {platform: import, path: …}",
    ),
    "bilibili": (
        "B站搜索",
        "自建 RSSHub，加来源 {platform: rsshub, url: http://你的RSSHub/bilibili/vsearch/关键词}",
        "run your own RSSHub, add {platform: rsshub, url: http://your-rsshub/bilibili/vsearch/WORD}",
    ),
    "xiaohongshu": (
        "小红书",
        "从蒲公英/千瓜等导出 CSV，放进导入目录 {platform: import, path: …}",
        "export CSV from a data partner into a folder {platform: import, path: …}",
    ),
    "zhihu": (
        "知乎",
        "用联网搜索密钥：{platform: websearch, transport: official, token: ${KEY}, sites: [zhihu.com]}；"
        "或自建 RSSHub 订阅问题：{platform: rsshub, url: …}",
        "with a web-search key: {platform: websearch, transport: official, token: ${KEY}, sites: [zhihu.com]}; "
        "or subscribe to questions with your own RSSHub: {platform: rsshub, url: …}",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What came in since the sources were made."""

    pages: int
    """Pages read."""
    posts: int
    """New posts read."""
    matched: int
    """New posts that named a brand."""
    per_day: float | None
    """Posts naming a brand to expect in a day; None = too early to say (first 10 minutes)."""


def traffic_of(states: Sequence[VisitState], now: datetime) -> Traffic:
    """Add up the visits of all sources; the expectation needs ten minutes of listening."""
    began = min((state.first_visit_at for state in states if state.first_visit_at), default=None)
    matched = sum(state.posts_matched for state in states)
    listened = now - began if began else timedelta(0)
    early = listened < timedelta(minutes=10)
    return Traffic(
        pages=sum(state.pages_seen for state in states),
        posts=sum(state.posts_new for state in states),
        matched=matched,
        per_day=None if early else matched / (listened / timedelta(days=1)),
    )


def traffic_lines(traffic: Traffic, health: Sequence[SourceHealth], locale: str) -> list[str]:
    """Say what came in and which sources are unreachable, one line each."""
    blind = [each for each in health if each.state is SourceState.BLIND]
    if locale == "en":
        lines = [f"seen: {traffic.pages} pages, {traffic.posts} new posts, {traffic.matched} named a brand"]
        if traffic.per_day is not None:
            lines.append(f"expect about {traffic.per_day:.0f} mentions a day")
        return lines + [f"blind: {each.source}: {each.why}; {each.fix}" for each in blind]
    lines = [f"已看 {traffic.pages} 页，新帖 {traffic.posts} 条，其中 {traffic.matched} 条提到品牌"]
    if traffic.per_day is not None:
        lines.append(f"照此速度每天约 {traffic.per_day:.0f} 条")
    return lines + [f"看不到：{each.source}：{each.why}；{each.fix}" for each in blind]


def closed_lines(settings: Settings) -> list[str]:
    """Name for each closed platform without a source of its own the one next step."""
    open_roads = {source.platform for source in settings.sources if source.transport != "open"}
    english = settings.locale == "en"
    return [
        f"{title}: {en if english else zh}"
        for platform, (title, zh, en) in CLOSED_PLATFORMS.items()
        if platform not in open_roads
    ]


def source_view(health: SourceHealth) -> dict[str, object]:
    """Return a JSON-ready view of one source."""
    return {
        "source": health.source,
        "platform": health.platform,
        "state": health.state.value,
        "since": health.since.isoformat() if health.since else None,
        "why": health.why,
        "fix": health.fix,
        "last_success_at": health.last_success_at.isoformat() if health.last_success_at else None,
        "newest_at": health.newest_at.isoformat() if health.newest_at else None,
        "outcomes": dict(health.outcomes),
        "drops": dict(health.drops),
    }
