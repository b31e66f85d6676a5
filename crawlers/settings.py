"""Scrapy settings of every crawl (contracts: crawling, sections 1.2 and 1.4).

`scrapy crawl NAME` reads this module; the service takes `scrapy_settings()` and adds what
one source needs.
"""

from typing import Any

__all__ = ["scrapy_settings"]

BOT_NAME = "tingfeng"
SPIDER_MODULES = ["crawlers.spiders"]
NEWSPIDER_MODULE = "crawlers.spiders"
USER_AGENT = "Tingfeng/0.1 (+brand monitoring; see robots policy)"
ROBOTSTXT_OBEY = True
ROBOTSTXT_USER_AGENT = "Tingfeng"

TWISTED_REACTOR_ENABLED = False
CONCURRENT_ITEMS = 8
CONCURRENT_REQUESTS = 32
CONCURRENT_REQUESTS_PER_DOMAIN = 1
# The pace per site lives in `crawlers.pace`, because a crawl's own delay ends with the crawl.
DOWNLOAD_DELAY = 0
AUTOTHROTTLE_ENABLED = False

DOWNLOAD_HANDLERS = {
    "http": "crawlers.guard.GuardedHandler",
    "https": "crawlers.guard.GuardedHandler",
    "file": None,
    "data": None,
    "ftp": None,
    "s3": None,
}
# Every crawl builds its components anew, and every request passes them: what a visit has no use for is left out.
SPIDER_MIDDLEWARES = {
    "scrapy.spidermiddlewares.depth.DepthMiddleware": None,
    "scrapy.spidermiddlewares.httperror.HttpErrorMiddleware": None,
    "scrapy.spidermiddlewares.metacopy.MetaCopyDetectionMiddleware": None,
    "scrapy.spidermiddlewares.referer.RefererMiddleware": None,
    "scrapy.spidermiddlewares.start.StartSpiderMiddleware": None,
    "scrapy.spidermiddlewares.urllength.UrlLengthMiddleware": None,
}
DOWNLOADER_MIDDLEWARES = {
    "scrapy.downloadermiddlewares.cookies.CookiesMiddleware": None,
    "scrapy.downloadermiddlewares.httpauth.HttpAuthMiddleware": None,
    "scrapy.downloadermiddlewares.httpcache.HttpCacheMiddleware": None,
    "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware": None,
    "scrapy.downloadermiddlewares.redirect.MetaRefreshMiddleware": None,
    "scrapy.downloadermiddlewares.redirect.RedirectMiddleware": None,
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
    "scrapy.downloadermiddlewares.stats.DownloaderStats": None,
    "crawlers.guard.GuardMiddleware": 60,
    "crawlers.robots.RobotsMiddleware": 100,
    "crawlers.pace.PaceMiddleware": 900,
}
DOWNLOAD_MAXSIZE = 8 << 20
DOWNLOAD_WARNSIZE = 0
DOWNLOAD_TIMEOUT = 30
DOWNLOAD_FAIL_ON_DATALOSS = False
DOWNLOAD_VERIFY_CERTIFICATES = True
DEFAULT_REQUEST_HEADERS = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5",
}

COOKIES_ENABLED = False
METAREFRESH_ENABLED = False
# Redirects are verdicts first: a visit judges each one before it follows.
REDIRECT_ENABLED = False
REDIRECT_MAX_TIMES = 5
# The visit itself says on one line how it ended.
RETRY_GIVE_UP_LOG_LEVEL = "DEBUG"
RETRY_TIMES = 1
RETRY_HTTP_CODES = [408, 502, 504, 522, 524]
RETRY_EXCEPTIONS = ["scrapy.exceptions.DownloadFailedError", "scrapy.exceptions.ResponseDataLossError"]

REMOTE_CONTROL_ENABLED = False
TELNETCONSOLE_ENABLED = False
EXTENSIONS = {
    "scrapy.extensions.corestats.CoreStats": None,
    "scrapy.extensions.logcount.LogCount": None,
    "scrapy.extensions.logstats.LogStats": None,
    "scrapy.extensions.memdebug.MemoryDebugger": None,
    "scrapy.extensions.remote_control.RemoteControl": None,
    "scrapy.extensions.spiderstate.SpiderState": None,
    "scrapy.extensions.telnet.TelnetConsole": None,
    "scrapy.extensions.memusage.MemoryUsage": None,
    "scrapy.extensions.throttle.AutoThrottle": None,
}
FEED_EXPORT_ENCODING = "utf-8"
LOG_LEVEL = "INFO"
STATS_DUMP = False
LOGSTATS_INTERVAL = 0


def scrapy_settings() -> dict[str, Any]:
    """Return the settings of this module as a dictionary."""
    return {name: value for name, value in globals().items() if name.isupper()}
