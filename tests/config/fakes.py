"""Invented platform, channel and rule modules, so that settings are tested without the real ones."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from config import Specs
from config.marks import Query, Range
from domain.secret import Secret
from domain.spec import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedOptions:
    """Settings of an invented feed platform."""

    language: str = "zh"
    """Language of its entries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchOptions:
    """Settings of an invented import platform."""

    watch: Path | None = None
    """Folder that is watched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackOptions:
    """Settings of an invented Slack channel."""

    token: Secret | None = None
    """Bot token."""
    channel: str = ""
    """Channel id."""
    webhook: Secret | None = None
    """Webhook address."""
    base_url: str = "https://slack.example"
    """Where the API lives."""

    def __post_init__(self) -> None:
        if (self.token is None) == (self.webhook is None):
            raise ValueError("slack needs either `token` with `channel`, or `webhook`")


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotOptions:
    """Settings of an invented WeCom robot."""

    key: Secret
    """Key of the robot."""
    mention: tuple[str, ...] = ()
    """People to call."""
    headers: dict[str, str] | None = None
    """Further headers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstOptions:
    """Settings of an invented burst rule."""

    on: Literal["negative", "all"] = "negative"
    """What is counted."""
    least: Annotated[int, Range(1, 1000)] = 5
    """Least number."""
    share: Annotated[float, Range(0, 1)] = 0.2
    """Least share."""
    windows: tuple[timedelta, ...] = (timedelta(minutes=30),)
    """Windows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchOptions:
    """Settings of an invented match rule."""

    query: str
    """What must match, unmarked."""
    also: Annotated[str, Query()] = ""
    """What must match too, marked."""


def _spec(name: str, settings: type) -> Spec:
    return Spec(name=name, settings=settings, factory=lambda *_: None)


SPECS = Specs(
    platforms={
        "feed": _spec("feed", FeedOptions),
        "weibo": _spec("weibo", FeedOptions),
        "gdelt": _spec("gdelt", FeedOptions),
        "page": _spec("page", FeedOptions),
        "import": _spec("import", WatchOptions),
    },
    channels={"slack": _spec("slack", SlackOptions), "wecom_robot": _spec("wecom_robot", RobotOptions)},
    rules={"burst": _spec("burst", BurstOptions), "match": _spec("match", MatchOptions)},
)
