"""Over which source the posts of an account are read, and what would work where none shows them."""

from collections.abc import Sequence
from datetime import timedelta

from config.settings import AccountSettings, Settings, SourceSettings
from crawlers.base import Fetch, Platform
from crawlers.plan import expand_sources
from crawlers.platforms import build_platform

__all__ = ["OTHERS_EVERY", "OWN_EVERY", "account_lines", "roads", "roads_over"]

OWN_EVERY = timedelta(minutes=10)
"""Time between two looks at the posts of an account of ours."""
OTHERS_EVERY = timedelta(minutes=30)
"""The same of a rival's account and of one on the watch list."""


def roads(settings: Settings) -> list[tuple[AccountSettings, SourceSettings | None]]:
    """Return for each account the source over which its posts are read; None = no configured source shows them.

    A source of the account's own platform goes before a bridge.

    Raises:
        CrawlError: a platform is unknown.
        SourceError: a source lacks what its platform needs.
    """
    sources = [(each, build_platform(each.platform, each.options)) for each in expand_sources(settings)]
    return [(account, next(iter(roads_over(account, sources)), (None, None))[0]) for account in settings.accounts]


def roads_over(
    account: AccountSettings, sources: Sequence[tuple[SourceSettings, Platform]]
) -> list[tuple[SourceSettings, Fetch]]:
    """Return the sources that show an account's posts with the request for them, the platform's own first."""
    ordered = sorted(sources, key=lambda each: each[0].platform != account.platform)
    found = ((source, page.timeline(source, account.platform, account.id)) for source, page in ordered)
    return [(source, fetch) for source, fetch in found if fetch is not None]


_BRIDGED = "weibo douyin zhihu xiaohongshu kuaishou bilibili wechat toutiao".split()
_WORKS: dict[str, tuple[str, str]] = {
    "weibo": (
        "加来源 {platform: weibo, transport: cookie, cookie: ${WEIBO_COOKIE}}，或自建 RSSHub",
        "add {platform: weibo, transport: cookie, cookie: ${WEIBO_COOKIE}}, or your own RSSHub",
    ),
    "reddit": ("加来源 {platform: reddit}（公开订阅）", "add {platform: reddit}, its open feeds"),
    "v2ex": ("加来源 {platform: v2ex}", "add {platform: v2ex}"),
    "mastodon": (
        "加来源 {platform: mastodon, url: 该账号所在实例的地址}",
        "add {platform: mastodon, url: the account's own instance}",
    ),
    **dict.fromkeys(
        (name for name in _BRIDGED if name != "weibo"),
        (
            "自建 RSSHub，加任一来源 {platform: rsshub, url: http://你的RSSHub/…}；"
            "数据可用 tingfeng accounts import 导入平台后台的导出文件",
            "run your own RSSHub and add any {platform: rsshub, url: http://your-rsshub/…}; "
            "figures: tingfeng accounts import with the platform's own export",
        ),
    ),
}
_NOTHING = (
    "没有可用的通道；用 {platform: import, path: …} 导入帖子，用 tingfeng accounts import 导入数据",
    "no road shows its posts; import them with {platform: import, path: …}, and figures with tingfeng accounts import",
)


def account_lines(settings: Settings) -> list[str]:
    """Say in one line per account, in the language of `locale`, over which source it is read, or what would work.

    Raises:
        CrawlError: a platform is unknown.
        SourceError: a source lacks what its platform needs.
    """
    english = settings.locale == "en"
    roles = {"owned": ("自有", "ours"), "competitor": ("竞品", "rival"), "watch": ("关注", "watch list")}
    lines = []
    for account, source in roads(settings):
        title = f"{account.platform}  {account.name or account.id}  {roles[account.role][english]}"
        if account.brand:
            title += f"  {account.brand}"
        if source is not None:
            every = OWN_EVERY if account.role == "owned" else OTHERS_EVERY
            minutes = every // timedelta(minutes=1)
            over = f"every {minutes} min over {source.name}" if english else f"每 {minutes} 分钟，经 {source.name}"
            lines.append(f"{title}  {over}")
        else:
            fix = _WORKS.get(account.platform, _NOTHING)[english]
            lines.append(f"{title}  {'not read' if english else '读不到'} → {fix}")
    return lines
