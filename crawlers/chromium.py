"""Which browser pages are rendered with, and what is missing for that; asked also where no browser ever starts."""

import os
import shutil
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from config.settings import Settings, SourceSettings

__all__ = ["BROWSER", "browser_lack", "browser_problem", "find_chromium", "needs_browser"]

BROWSER = "browser"
"""Transport of sources whose pages need rendering."""

_COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
_MODULES = ("scrapy_playwright", "playwright")
_WORDS = {
    "module": (
        ("有来源用 transport browser，但没有装 scrapy-playwright", "pip install 'tingfeng[browser]'"),
        ("a source has transport `browser`, but scrapy-playwright is missing", "pip install 'tingfeng[browser]'"),
    ),
    "program": (
        ("有来源用 transport browser，但找不到 Chromium", "安装 chromium，或在 crawl.browser 写出它的路径"),
        ("a source has transport `browser`, but there is no Chromium", "install chromium, or name it in crawl.browser"),
    ),
    "path": (
        ("crawl.browser {where} 不是可以运行的程序", "写出 Chromium 的路径，或去掉这一行"),
        ("crawl.browser {where} is no program that can run", "give the path of Chromium, or leave it out"),
    ),
}
"""(what is missing, what to do) in Chinese and in English."""


def needs_browser(sources: Iterable[SourceSettings]) -> bool:
    """Say whether one of the sources is visited with a browser."""
    return any(source.transport == BROWSER for source in sources)


def find_chromium(configured: Path | None, *, mac: Iterable[str] = _MAC) -> Path | None:
    """Return the browser's program: the configured one, else the first that is installed; None = there is none."""
    if configured is not None:
        return configured if os.access(configured, os.X_OK) and configured.is_file() else None
    found = next((path for name in _COMMANDS if (path := shutil.which(name))), None)
    found = found or next((path for path in mac if os.access(path, os.X_OK)), None)
    return Path(found) if found else None


def browser_lack(settings: Settings) -> tuple[str, str] | None:
    """Return what is missing for the sources with transport `browser` and what to do, in words; None = nothing."""
    if not needs_browser(settings.sources):
        return None
    where = settings.crawl.browser
    if any(find_spec(name) is None for name in _MODULES):
        kind = "module"
    elif find_chromium(where) is None:
        kind = "program" if where is None else "path"
    else:
        return None
    what, fix = _WORDS[kind][settings.locale != "zh"]
    return what.format(where=where), fix


def browser_problem(settings: Settings) -> str:
    """Return `browser_lack` on one line; empty = nothing is missing."""
    lack = browser_lack(settings)
    return ("：" if settings.locale == "zh" else ": ").join(lack) if lack is not None else ""
