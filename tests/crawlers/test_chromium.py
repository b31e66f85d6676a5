from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.settings import CrawlSettings, Settings, SourceSettings
from crawlers.chromium import browser_lack, browser_problem, find_chromium, needs_browser
from crawlers.errors import SourceError
from crawlers.platforms import build_platform, platform_specs
from domain.secret import Secret
from tests.crawlers.pages import NOW, source

RENDERED = source(platform="article", transport="browser", url="https://a.cn/")
BY_BROWSER: dict[str, tuple[dict[str, Any], list[str]]] = {
    "article": ({"url": "https://a.cn/x"}, ["https://a.cn/x"]),
    "baidu": ({}, ["https://top.baidu.com/board?tab=realtime"]),
    "kuaishou": ({}, ["https://www.kuaishou.com/?isHome=1"]),
    "weibo": (
        {"query": ("云杉",), "cookie": Secret("SUB=1")},
        ["https://s.weibo.com/weibo?q=%E4%BA%91%E6%9D%89&typeall=1&suball=1"],
    ),
}
NEVER = ("zhihu", "tieba", "toutiao", "bilibili", "douyin", "v2ex", "hackernews", "reddit", "mastodon", "websearch")
"""Platforms whose list is no HTML page, so that a browser would show nothing more."""


def program(path: Path, name: str) -> Path:
    made = path / name
    made.write_text("#!/bin/sh\n")
    made.chmod(0o755)
    return made


def settings(*sources: SourceSettings, **more: Any) -> Settings:
    return Settings(path=Path("tingfeng.yaml"), data_dir=Path("data"), sources=sources, **more)


def test_program_is_the_configured_one_or_the_first_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_chromium(None, mac=()) is None
    mac = program(tmp_path, "Google Chrome")
    assert find_chromium(None, mac=(str(tmp_path / "none"), str(mac))) == mac
    chrome = program(tmp_path, "google-chrome")
    assert find_chromium(None) == chrome
    chromium = program(tmp_path, "chromium")
    assert find_chromium(None) == chromium
    assert find_chromium(chrome) == chrome
    assert find_chromium(tmp_path) is None
    assert find_chromium(tmp_path / "none") is None


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_what_is_missing_is_said_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locale: str) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(find_chromium, "__kwdefaults__", {"mac": ()})
    asked = settings(RENDERED, locale=locale)
    assert browser_problem(settings(source(), locale=locale)) == ""
    assert browser_lack(replace(asked, crawl=CrawlSettings(browser=program(tmp_path, "my-browser")))) is None
    assert "crawl.browser" in browser_problem(asked)
    assert "Chromium" in browser_problem(asked)
    wrong = browser_problem(replace(asked, crawl=CrawlSettings(browser=tmp_path / "gone")))
    assert str(tmp_path / "gone") in wrong
    monkeypatch.setattr("crawlers.chromium.find_spec", lambda name: None)
    assert browser_problem(asked).endswith("pip install 'tingfeng[browser]'")


def test_only_sources_with_transport_browser_need_one() -> None:
    assert needs_browser([source(), RENDERED])
    assert not needs_browser([source()])


@pytest.mark.parametrize("name", BY_BROWSER)
def test_platforms_whose_list_is_a_page_take_a_browser(name: str) -> None:
    more, urls = BY_BROWSER[name]
    own = source(platform=name, transport="browser", **more)
    assert [fetch.url for fetch in build_platform(name).start(own, NOW)] == urls


@pytest.mark.parametrize("name", NEVER)
def test_platforms_whose_list_is_no_page_refuse_a_browser(name: str) -> None:
    with pytest.raises(SourceError):
        build_platform(name).start(source(platform=name, transport="browser", url="https://m.example.cn/"), NOW)


def test_search_with_an_account_can_be_rendered_too() -> None:
    assert set(BY_BROWSER) | set(NEVER) < set(platform_specs())
    baidu = build_platform("baidu")
    with_account = source(platform="baidu", transport="browser", query=("云杉",), cookie=Secret("BDUSS=1"))
    assert baidu.searches(with_account)
    assert not baidu.searches(source(platform="baidu", transport="browser"))
    (fetch,) = baidu.start(with_account, NOW)
    assert fetch.endpoint == "baidu.news"
