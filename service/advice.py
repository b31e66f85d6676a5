"""How each platform whose search is closed to strangers is switched on, what that costs and what it will not see.

Facts: platforms contract, sections 1, 2 and 4; none of the roads was tried live.
"""

from dataclasses import dataclass

from config.settings import Settings

__all__ = ["ADVICE", "Advice", "advice_lines", "closed_lines"]


@dataclass(frozen=True, slots=True)
class Advice:
    """What an operator is told of one platform, in Chinese and English."""

    title: tuple[str, str]
    """Its name."""
    do: tuple[str, str]
    """The one next step, and what else would work."""
    costs: tuple[str, str]
    """Money, a login, or a machine."""
    blind: tuple[str, str]
    """What it will not show."""


ADVICE: dict[str, Advice] = {
    "weibo": Advice(
        ("微博搜索", "Weibo search"),
        (
            "用自己的账号登录 weibo.com，把请求头里的 Cookie 存成文件，再加来源 "
            "{platform: weibo, transport: cookie, cookie_file: weibo.cookie}；"
            "有商业接口的用 {platform: weibo, transport: official, token: ${WEIBO_TOKEN}}，最稳",
            "log in at weibo.com with your own account, save the Cookie request header as a file, add "
            "{platform: weibo, transport: cookie, cookie_file: weibo.cookie}; with a contract for the commercial API "
            "{platform: weibo, transport: official, token: ${WEIBO_TOKEN}} is the steadiest",
        ),
        (
            "Cookie 不花钱，但几天到几周会失效，要人更新；商业接口按合同收费；热搜榜免费且已打开",
            "the cookie costs nothing but dies after days or weeks; the API costs what the contract says; the hot list "
            "is free and on",
        ),
        (
            "一次搜索最多约 1000 条，仅半年内或仅粉丝可见的看不到",
            "a search shows about 1,000 posts at most; posts for followers only or older than an author allows "
            "are hidden",
        ),
    ),
    "wechat": Advice(
        ("微信公众号", "WeChat accounts"),
        (
            "申请智谱或百度千帆的联网搜索密钥，再加来源 "
            "{platform: websearch, transport: official, token: ${SEARCH_KEY}, sites: [mp.weixin.qq.com]}；"
            "已知的公众号用自建 wechat2rss 转成 RSS：{platform: feed, url: http://你的服务器/feed/…}",
            "get a web-search key of Zhipu or Baidu Qianfan, add "
            "{platform: websearch, transport: official, token: ${SEARCH_KEY}, sites: [mp.weixin.qq.com]}; for accounts "
            "that you know run your own wechat2rss: {platform: feed, url: http://your-server/feed/…}",
        ),
        (
            "千帆每天 100 次免费，之后按次收费；智谱按次收费；wechat2rss 要一台机器和一个微信号",
            "Qianfan gives 100 calls a day free, then by the call; Zhipu by the call; wechat2rss takes a "
            "machine and an "
            "account of yours",
        ),
        (
            "阅读数、点赞数和评论都看不到；新文章要等搜索引擎收录，常晚几小时",
            "no read or like counts and no comments; an article shows up when the search engine has it, often "
            "hours later",
        ),
    ),
    "douyin": Advice(
        ("抖音", "Douyin"),
        (
            "在 open.douyin.com 申请“抖音视频垂搜”权限，再加来源 {platform: douyin, transport: official, "
            "client_id: …, client_secret: ${DOUYIN_SECRET}}；或把千瓜、飞瓜等导出的 CSV 放进导入目录 "
            "{platform: import, path: ./import}",
            "apply for video search at open.douyin.com, add {platform: douyin, transport: official, client_id: …, "
            "client_secret: ${DOUYIN_SECRET}}; or put a data partner's CSV into a folder {platform: import, "
            "path: ./import}",
        ),
        (
            "权限要企业资质和审核；数据服务商按年收费",
            "the permission takes a company and a review; data partners charge by the year",
        ),
        (
            "播放量、评论内容看不到，直播看不到",
            "no play counts, no comments, no live streams",
        ),
    ),
    "kuaishou": Advice(
        ("快手", "Kuaishou"),
        (
            "从数据服务商导出 CSV，放进导入目录 {platform: import, path: ./import}，或让对方推送到 ingest 接口；"
            "热榜可用 {platform: kuaishou, transport: browser}",
            "export CSV from a data partner into {platform: import, path: ./import}, or let the partner send it to the "
            "ingest endpoint; the hot list by {platform: kuaishou, transport: browser}",
        ),
        (
            "数据服务商按年收费；热榜免费，但要装 Chromium",
            "data partners charge by the year; the hot list is free but takes Chromium",
        ),
        (
            "站内搜索要签名，我们不破解：没有服务商就搜不到",
            "its search demands a signature, which we do not forge: none without a partner",
        ),
    ),
    "bilibili": Advice(
        ("B站搜索", "Bilibili search"),
        (
            "自建 RSSHub（Docker 一行命令），加来源 "
            "{platform: rsshub, transport: rsshub, url: http://你的RSSHub/bilibili/vsearch/关键词}",
            "run your own RSSHub (one Docker command), add "
            "{platform: rsshub, transport: rsshub, url: http://your-rsshub/bilibili/vsearch/WORD}",
        ),
        ("免费，但要一台机器和一个 B站 Cookie", "free, but takes a machine and a Bilibili cookie"),
        (
            "弹幕只有汇总，评论只有每个视频的第一页；最多晚 5 分钟（RSSHub 缓存）",
            "bullet comments in sum only, the first page of comments only; up to 5 minutes late (RSSHub's cache)",
        ),
    ),
    "xiaohongshu": Advice(
        ("小红书", "Xiaohongshu"),
        (
            "从蒲公英、千瓜、新红等导出 CSV，放进导入目录 {platform: import, path: ./import}，或让对方推送到 "
            "ingest 接口；"
            "同事转来的链接用 tingfeng add",
            "export CSV from Pugongying, Qiangua or another partner into {platform: import, path: ./import}, "
            "or let them "
            "send it to the ingest endpoint; links from colleagues by `tingfeng add`",
        ),
        (
            "数据服务商按年收费；手工导出不花钱，但要人每天做",
            "data partners charge by the year; exports by hand cost somebody's time every day",
        ),
        (
            "站内搜索要登录和签名，我们不破解：没有导入就看不到",
            "its search demands a login and a signature, which we do not forge: nothing without imports",
        ),
    ),
    "zhihu": Advice(
        ("知乎", "Zhihu"),
        (
            "用联网搜索密钥加来源 {platform: websearch, transport: official, token: ${SEARCH_KEY}, sites: "
            "[zhihu.com]}；"
            "要盯住的问题用自建 RSSHub：{platform: rsshub, transport: rsshub, url: "
            "http://你的RSSHub/zhihu/question/编号}",
            "with a web-search key add {platform: websearch, transport: official, token: ${SEARCH_KEY}, "
            "sites: [zhihu.com]}; for questions to watch run RSSHub: {platform: rsshub, transport: rsshub, url: "
            "http://your-rsshub/zhihu/question/NUMBER}",
        ),
        (
            "千帆每天 100 次免费，之后按次收费；RSSHub 免费，但要一台机器和一个知乎 Cookie",
            "Qianfan gives 100 calls a day free, then by the call; RSSHub is free but takes a machine and a "
            "Zhihu cookie",
        ),
        ("评论看不到；新回答要等搜索引擎收录", "no comments; an answer shows up when the search engine has it"),
    ),
}
"""Platforms whose search is closed to strangers, in the order of their weight for brands."""

_LABELS = (("怎么打开", "花费", "看不到"), ("to switch it on", "costs", "will not show"))


def _missing(settings: Settings) -> list[Advice]:
    open_roads = {source.platform for source in settings.sources if source.transport not in ("open", "browser")}
    sites = {site for source in settings.sources for site in getattr(source.options, "sites", ())}
    bridged = {
        part for source in settings.sources if source.platform == "rsshub" for part in (source.url or "").split("/")
    }
    named = {"wechat": "mp.weixin.qq.com", "zhihu": "zhihu.com"}
    return [
        advice
        for platform, advice in ADVICE.items()
        if platform not in open_roads and platform not in bridged and named.get(platform, platform) not in sites
    ]


def closed_lines(settings: Settings) -> list[str]:
    """Name for each closed platform without a source of its own the one next step, one line each."""
    english = settings.locale == "en"
    return [f"{advice.title[english]}: {advice.do[english]}" for advice in _missing(settings)]


def advice_lines(settings: Settings) -> list[str]:
    """Tell of each closed platform without a source of its own how to switch it on, what it costs, what it hides."""
    english = settings.locale == "en"
    missing = _missing(settings)
    if not missing:
        return []
    do, costs, blind = _LABELS[english]
    head = (
        "还没有监听的平台（都要你提供账号、密钥或数据；实际接口未逐一在线核实）：",
        "platforms that are not listened to yet (each takes a login, key or data of yours; none was tried live):",
    )
    lines = ["", head[english]]
    for advice in missing:
        lines += [
            f"● {advice.title[english]}",
            f"    {do}: {advice.do[english]}",
            f"    {costs}: {advice.costs[english]}",
            f"    {blind}: {advice.blind[english]}",
        ]
    after = (
        "加好后：tingfeng check，再 tingfeng sources test 来源名 试一次",
        "then: tingfeng check, and try it with tingfeng sources test NAME",
    )
    return [*lines, after[english]]
