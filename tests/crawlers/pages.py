"""Short ways to parsed answers and to sources, for tests."""

from datetime import datetime, timedelta
from typing import Any

from config.settings import NetworkSettings, SourceSettings
from crawlers.base import Parsed, Platform, Response
from crawlers.platforms import build_platform, platform_specs
from domain.moment import SHANGHAI

NOW = datetime(2026, 6, 20, 15, 30, tzinfo=SHANGHAI)


def platform_of(endpoint: str) -> Platform:
    """Return the platform whose parser reads an endpoint."""
    prefix = endpoint.partition(".")[0]
    return next(each for each in map(build_platform, platform_specs()) if prefix in each.prefixes)


def parse(endpoint: str, body: bytes | str, *, url: str = "https://x.example.cn/feed", status: int = 200,
          now: datetime = NOW, context: dict[str, str] | None = None, **headers: str) -> Parsed:  # fmt: skip
    response = Response(
        url=url,
        status=status,
        headers={key.replace("_", "-"): value for key, value in headers.items()},
        body=body.encode() if isinstance(body, str) else body,
        now=now,
        context=context or {},
    )
    return platform_of(endpoint).parse(endpoint, response)


def source(**more: Any) -> SourceSettings:
    given: dict[str, Any] = {"name": "s", "platform": "feed", "pace": timedelta(0), **more}
    return SourceSettings(**given)


def network(*pairs: str, **more: Any) -> NetworkSettings:
    return NetworkSettings(allow_internal=pairs, **{"timeout": timedelta(seconds=2), **more})
