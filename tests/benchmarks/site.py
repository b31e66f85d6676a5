"""A web site of its own process for measuring readers: `python -m tests.benchmarks.site`.

Serves, on several ports (so that they are several sites), pages that never repeat a post: `/api/container/getIndex` a
page of 20 posts as m.weibo.cn answers a search, `/rss/N` a feed of 40 entries, `/a/N.html` an article of about 46 kB,
and `/links/N` a feed of entries that lead to articles. Prints the addresses as JSON once it serves; ends with its
standard input.
"""

import asyncio
import contextlib
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

from aiohttp import web

from domain.moment import SHANGHAI
from service.demo.pages import SITES, post_url, rss_feed, weibo_search
from service.demo.post import FarmPost, weibo_mid
from tests.conftest import REPOSITORY
from tests.eval.opinions import NEGATIVE, NEUTRAL, POSITIVE

__all__ = ["ENTRIES", "LINKS", "POSTS", "T", "article", "list_page", "serving"]

T = datetime(2026, 6, 20, 7, 30, tzinfo=UTC)
PORTS = 8
POSTS, ENTRIES, LINKS = 20, 40, 10
_SENTENCES = (*NEGATIVE, *POSITIVE, *NEUTRAL)
_NUMBERS = count(1)
_DICE = random.Random(11)


def _post(site: str) -> FarmPost:
    number = next(_NUMBERS)
    moment = T - timedelta(hours=1) + timedelta(milliseconds=number % 3_000_000)
    text = "，".join(_DICE.sample(_SENTENCES, 4)) + f"。#云杉咖啡# 第{number}条"
    return FarmPost(
        id=weibo_mid(moment.replace(microsecond=0), number % (1 << 22)) if site == "weibo" else f"p{number}",
        site=site,
        published_at=moment.replace(microsecond=0),
        title=None if site == "weibo" else f"{_DICE.choice(_SENTENCES)}{number}",
        text=text,
        author=f"读者{number % 977}",
        author_id=str(1_000_000_000 + number % 97_000),
        followers=number % 50_000,
        likes=number % 13,
    )


def list_page(page: int) -> bytes:
    """Make the page `page` of a search, with posts that no page held before."""
    posts = [_post("weibo") for _ in range(POSTS)]
    return weibo_search(posts, query="云杉咖啡", page=page, more=True, original=lambda id: None)


def _feed(base: str, entries: int) -> bytes:
    site = SITES["forum" if entries == ENTRIES else "news"]
    posts = [_post(site.name) for _ in range(entries)]
    page = rss_feed(site, posts, base=base, bases={site.name: base}).decode(site.encoding)
    for post in posts:
        page = page.replace(post_url(post, {site.name: base}), f"{base}/a/{post.id}.html")
    return page.replace(f'encoding="{site.said_by_prolog}"', 'encoding="utf-8"').encode()


def article(name: str) -> bytes:
    """Make a page as news sites build them, about 46 kB: 1,600 characters of text amid menus, scripts and lists."""
    dice = random.Random(name)
    local = T.astimezone(SHANGHAI)
    title = f"{dice.choice(_SENTENCES)}（{name}）"
    paragraphs = "".join(f"<p>{'，'.join(dice.sample(_SENTENCES, 8))}。</p>\n" for _ in range(11))
    menu = "".join(f'<li class="nav-item"><a href="/channel/{n}.html">频道{n}</a></li>' for n in range(60))
    more = "".join(
        f'<li><a href="/a/x{n}.html" title="相关{n}"><img src="/i/{n}.jpg" alt="">'
        f'<span class="tt">{dice.choice(_SENTENCES)}</span></a><em>{n} 小时前</em></li>'
        for n in range(120)
    )
    script = "window.__cfg__={" + ",".join(f'"k{n}":"{dice.getrandbits(64):x}"' for n in range(260)) + "};"
    style = "".join(f".c{n}{{margin:{n}px;color:#{n:06x}}}" for n in range(180))
    return f"""<!DOCTYPE html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>{title}_南洲晚报网</title>
<meta property="og:title" content="{title}"><meta name="author" content="记者 林一">
<meta property="article:published_time" content="{local.isoformat()}">
<style>{style}</style><script>{script}</script></head><body>
<header><nav><ul>{menu}</ul></nav></header>
<div class="wrap"><div class="main"><h1>{title}</h1>
<div class="info"><span>{local:%Y-%m-%d %H:%M}</span><span>来源：南洲晚报</span></div>
<div class="article-content" id="content">{paragraphs}</div></div>
<div class="side"><h3>热门推荐</h3><ul>{more}</ul></div></div>
<footer><p>版权所有 南洲晚报网</p><script>{script}</script></footer></body></html>
""".encode()


async def _answer(request: web.Request) -> web.Response:
    kind, _, name = request.path.strip("/").partition("/")
    base = f"http://{request.host}"
    if kind == "api":
        return web.Response(
            body=list_page(int(request.query["page"])), content_type="application/json", charset="utf-8"
        )
    if kind in ("rss", "links"):
        feed = _feed(base, ENTRIES if kind == "rss" else LINKS)
        return web.Response(body=feed, content_type="application/rss+xml", charset="utf-8")
    if kind == "a":
        return web.Response(body=article(name), content_type="text/html", charset="utf-8")
    return web.Response(status=404)


async def _serve() -> None:
    app = web.Application()
    app.router.add_get("/{tail:.*}", _answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    bases = []
    for _ in range(PORTS):
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server = site._server
        assert isinstance(server, asyncio.Server)
        bases.append(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    sys.stdout.write(json.dumps(bases) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


@contextlib.contextmanager
def serving() -> Iterator[list[str]]:
    """Run the site and give its addresses, one for each port."""
    command = [sys.executable, "-m", "tests.benchmarks.site"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdin is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait(10)


if __name__ == "__main__":
    asyncio.run(_serve())
