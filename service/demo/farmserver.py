"""The imitated sources over HTTP on loopback, one port per site, and one to steer them."""

import argparse
import asyncio
import json
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from aiohttp import web

from domain.moment import from_rfc3339, to_rfc3339
from service.demo.farm import Farm
from service.demo.pages import SITES, Site
from service.demo.post import FarmPost, read_farm_posts

__all__ = ["control_app", "main", "serve_farm", "site_app"]

HOST = "127.0.0.1"
_MAX_BODY_BYTES = 64 << 20
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def site_app(farm: Farm, site: Site) -> web.Application:
    """Return the application of one imitated site."""

    async def answer(request: web.Request) -> web.StreamResponse:
        page = farm.answer(site, request.path_qs, request.query, request.headers.get("Cookie", ""))
        if page.status == 0:
            await asyncio.sleep(page.hang_s)
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=503)
        if page.etag and page.etag == request.headers.get("If-None-Match"):
            return web.Response(status=304, headers={"ETag": page.etag})
        headers = {"Content-Type": page.content_type}
        if page.etag:
            headers["ETag"] = page.etag
        if page.location:
            headers["Location"] = page.location
        return web.Response(status=page.status, body=page.body, headers=headers)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    return app


def control_app(farm: Farm) -> web.Application:
    """Return the application that steers the farm and tells what it showed."""

    async def state(request: web.Request) -> web.Response:
        return web.json_response({"now": to_rfc3339(farm.now()), "bases": farm.bases, "hits": farm.hits})

    async def ledger(request: web.Request) -> web.Response:
        posts = farm.posts(mark=request.query.get("mark"))
        shown = {post.id: farm.ledger[post.id] for post in posts if post.id in farm.ledger}
        return web.json_response({id: {"first_s": seen.first_s, "times": seen.times} for id, seen in shown.items()})

    async def add(request: web.Request) -> web.Response:
        lines = (await request.text()).split("\n")
        return web.json_response({"added": farm.add(FarmPost.from_json(line) for line in lines if line.strip())})

    async def run(request: web.Request) -> web.Response:
        farm.run(float((await request.json())["epoch_s"]))
        return web.json_response({"now": to_rfc3339(farm.now())})

    async def dark(request: web.Request) -> web.Response:
        order = await request.json()
        farm.go_dark(order["mode"], order.get("sites", ()))
        return web.json_response({})

    async def retouch(request: web.Request) -> web.Response:
        farm.retouch()
        return web.json_response({})

    app = web.Application(client_max_size=_MAX_BODY_BYTES, middlewares=[_say_what_is_wrong])
    app.router.add_get("/state", state)
    app.router.add_get("/ledger", ledger)
    for path, handler in (("/posts", add), ("/run", run), ("/dark", dark), ("/retouch", retouch)):
        app.router.add_post(path, handler)
    return app


@web.middleware
async def _say_what_is_wrong(request: web.Request, handler: _Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except (KeyError, TypeError, ValueError) as err:
        return web.json_response({"error": f"{type(err).__name__}: {err}"}, status=400)


async def serve_farm(farm: Farm, ports: dict[str, int]) -> tuple[list[web.AppRunner], dict[str, int]]:
    """Open every site and the control port on loopback.

    Args:
        farm: The farm; its `bases` are filled in.
        ports: Wanted ports by site name and `control`; missing or 0 = any free one.

    Returns:
        The runners, to be cleaned up by the caller, and the ports really taken.

    Raises:
        OSError: a wanted port is in use.
    """
    runners: list[web.AppRunner] = []
    taken: dict[str, int] = {}
    apps = {name: site_app(farm, site) for name, site in SITES.items()} | {"control": control_app(farm)}
    for name, app in apps.items():
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, HOST, ports.get(name, 0)).start()
        taken[name] = int(runner.addresses[0][1])
        if name in SITES:
            farm.bases[name] = f"http://{HOST}:{taken[name]}"
    return runners, taken


async def _serve_until_stopped(farm: Farm) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    threading.Thread(target=_wait_for_parent, args=(loop, stop), daemon=True).start()
    runners, ports = await serve_farm(farm, {})
    sys.stdout.write(json.dumps({"ready": True, "ports": ports}) + "\n")
    sys.stdout.flush()
    await stop.wait()
    for runner in runners:
        await runner.cleanup()


def _wait_for_parent(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Stop when standard input closes: whoever started us is gone."""
    while sys.stdin.buffer.read(4096):
        pass
    loop.call_soon_threadsafe(stop.set)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until a signal, or until standard input closes; the first line out names the ports."""
    parser = argparse.ArgumentParser(prog="python -m service.demo.farmserver", description=__doc__)
    parser.add_argument("--posts", type=Path, help="NDJSON file of posts to begin with")
    parser.add_argument("--clock-start", required=True, help="domain time until the clock is let go")
    parser.add_argument("--clock-scale", type=float, required=True, help="domain seconds for one real second")
    parser.add_argument("--cookie", default="", help="what weibo wants to see in the Cookie header")
    parser.add_argument("--feed-size", type=int, default=200, help="most entries of a feed")
    args = parser.parse_args(argv)
    farm = Farm(
        start=from_rfc3339(args.clock_start), scale=args.clock_scale, cookie=args.cookie, feed_size=args.feed_size
    )
    if args.posts is not None:
        farm.add(read_farm_posts(args.posts))
    asyncio.run(_serve_until_stopped(farm))
    return 0


if __name__ == "__main__":
    sys.exit(main())
