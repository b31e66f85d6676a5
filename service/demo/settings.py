"""The settings file of the demo: default rules, three imitated sources, two imitated channels."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from service.demo.sink import DEMO_CHANNEL, DEMO_KEY, DEMO_TOKEN
from service.demo.world import BRAND, BRAND_QUERY, RIVAL

__all__ = ["COOKIE", "demo_settings"]

COOKIE = "SUB=demo-only"
"""The cookie that the imitated weibo wants to see."""


def demo_settings(data_dir: Path, bases: Mapping[str, str], sink: str) -> str:
    """Return the text of a `tingfeng.yaml`.

    Args:
        data_dir: Folder of the stores.
        bases: Scheme, host and port of each imitated site.
        sink: Scheme, host and port of the imitated channels.
    """
    visit = {"interval": "2m", "pace": "2s"}
    sources = [
        {
            "platform": "weibo",
            "name": "weibo",
            "transport": "cookie",
            "cookie": COOKIE,
            "base_url": bases["weibo"],
            "pages": 8,
            **visit,
        },
        {"platform": "feed", "name": "news", "url": bases["news"] + "/rss/latest.xml", "follow": True, **visit},
        {"platform": "feed", "name": "forum", "url": bases["forum"] + "/forum.php?mod=rss", **visit},
    ]
    receiver = {
        "name": "pr-duty",
        "slack": {"token": DEMO_TOKEN, "channel": DEMO_CHANNEL, "base_url": sink + "/api/"},
        "wecom_robot": {"key": DEMO_KEY, "base_url": sink},
    }
    settings = {
        "data_dir": str(data_dir),
        "locale": "zh",
        "brands": [
            {"id": "yunshan", "name": BRAND, "query": BRAND_QUERY, "competitors": [RIVAL]},
            {"id": "bailu", "name": RIVAL, "query": RIVAL},
        ],
        "sources": sources,
        "receivers": [receiver],
        "routes": [{"match": "brand: yunshan", "to": "pr-duty"}],
        "network": {"allow_internal": [base.removeprefix("http://") for base in bases.values()]},
        "healthz": {"port": 0},
    }
    return yaml.safe_dump(settings, allow_unicode=True, sort_keys=False)
