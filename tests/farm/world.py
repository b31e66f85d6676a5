"""The real crawl role over the farm, with a clock that a wait moves on."""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from config.settings import CrawlSettings, NetworkSettings, Settings, SourceSettings
from crawlers.canary import canaries
from crawlers.health import health_of
from crawlers.platforms import build_platform
from crawlers.schedule import Crawler
from domain.clock import ManualClock
from domain.mention import Mention
from domain.ports import AppendResult, Inbox
from domain.secret import Secret
from domain.source import SourceHealth, SourceState, VisitState
from storage import open_state
from tests.farm.plan import LINES, RESTART_H, SPELLS, START, Line
from tests.farm.refusals import REFUSALS, Asks
from tests.farm.server import Farm
from tests.hostile.cases import NOTE

__all__ = ["BASE_OF", "REPLACED_AFTER", "STEP", "TIMEOUT_S", "URLS", "Day", "WaitingClock"]

STEP = timedelta(seconds=30)
"""How far the clock is moved at most between two looks at what is due."""
REPLACED_AFTER = timedelta(minutes=1)
"""Time from the end of a login wall to the new cookie in its file."""
TIMEOUT_S = 2.0

URLS = {
    "feed": "/feed.xml", "sitemap": "/sitemap.xml", "rsshub": "/weibo/keyword/x", "article": "/page.html",
    "mastodon": "/", "news": "/feed.xml",
}  # fmt: skip
BASE_OF = {"m-weibo": "weibo", "open-douyin": "douyin", "news": "feed"}
"""Platform of the sites that are not named after it."""


class WaitingClock(ManualClock):
    """A clock that stands, except that whoever waits for his turn at a site moves it on: waits cost no real time."""

    def real_s(self, span: timedelta) -> float:
        """Move the clock on by the wait, and say that none is left."""
        self.advance(max(span, timedelta(0)))
        return 0.0


class _CountedInbox:
    """The real inbox; remembers what it took in as new."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self.new: list[Mention] = []

    def append(self, mentions: Sequence[Mention], *, now: datetime) -> AppendResult:
        result = self._inbox.append(mentions, now=now)
        fresh = set(result.new)
        self.new.extend(each for each in mentions if each.id in fresh)
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inbox, name)


@dataclass
class Seen:
    """What health said of one source, changes only."""

    told: list[tuple[datetime, SourceState, tuple[str, ...]]] = field(default_factory=list)
    """(moment, state, lost fields), oldest first."""

    def note(self, at: datetime, health: SourceHealth) -> None:
        """Take over what health says now."""
        now = (health.state, health.lost_fields)
        if not self.told or self.told[-1][1:] != now:
            self.told.append((at, *now))

    def at(self, moment: datetime) -> tuple[SourceState, tuple[str, ...]]:
        """Return what was said at a moment."""
        before = [each for each in self.told if each[0] <= moment]
        return before[-1][1:] if before else (SourceState.NEW, ())


class Day:
    """One day of the crawl role.

    Args:
        farm: The farm, open.
        clock: Its clock.
        folder: Where state, cookies and evidence lie.
    """

    def __init__(self, farm: Farm, clock: WaitingClock, folder: Path) -> None:
        self._farm, self._clock, self._folder = farm, clock, folder
        self._cookies = {name: folder / f"{name}.cookie" for name in ("weibo", "xiaohongshu")}
        for path in self._cookies.values():
            path.write_text("SUB=first-cookie", encoding="utf-8")
        self.sources = tuple(self._source(line) for line in LINES)
        self.settings = Settings(
            path=folder / "tingfeng.yaml",
            data_dir=folder,
            sources=self.sources,
            crawl=CrawlSettings(visits=1, extract_workers=0),
            network=NetworkSettings(
                allow_internal=tuple(f"127.0.0.1:{port}" for port in farm.ports.values()),
                timeout=timedelta(seconds=TIMEOUT_S),
            ),
        )
        self._state = open_state(f"sqlite:///{folder / 'state.db'}", folder)
        self.inbox = _CountedInbox(self._state.inbox)
        self.health: defaultdict[str, Seen] = defaultdict(Seen)
        """What health said of each source."""
        self.helped: list[tuple[datetime, str]] = []
        """When the cookie of which site was replaced, or the role started afresh, which is for all: no site."""
        self.looks: list[datetime] = []
        """When health was looked at."""
        self.visits = 0
        """Visits of the day, those of canaries included."""
        self._last: Mapping[str, VisitState] | None = None
        self._crawlers: list[Crawler] = []
        self._crawler = self._start()

    def _source(self, line: Line) -> SourceSettings:
        name = BASE_OF.get(line.site, line.site)
        given: dict[str, Any] = {"base_url": self._farm.base(line.site)}
        if line.site in URLS:
            given = {"url": self._farm.base(line.site) + URLS[line.site]}
        if line.site == "xiaohongshu":
            given["url"] = f"https://www.xiaohongshu.com/explore/{NOTE}?xsec_token=AB"
        if line.site in ("m-weibo", "xiaohongshu"):
            path = self._cookies[name]
            given |= {"transport": "cookie", "cookie": Secret(path.read_text(encoding="utf-8"), path)}
        if line.site in ("open-douyin", "websearch"):
            given |= {"transport": "official", "token": Secret("key-of-the-farm")}
        most = timedelta(minutes=line.most_min) if line.most_min else None
        return SourceSettings(
            name=line.name,
            platform=name,
            query=line.words,
            interval=timedelta(minutes=line.interval_min),
            interval_max=most,
            pace=max(build_platform(name).pace, timedelta(seconds=2)),
            pages=6,
            follow=line.name == "news",
            **given,
        )

    def _start(self) -> Crawler:
        made = Crawler(
            self.settings, self.inbox, self._state.visits, self._clock,
            rng=random.Random(len(self._crawlers)), disk_free=lambda path: 10**12,
            credentials=self._state.credentials, hours=self._state.hours, trends=self._state.trends,
        )  # fmt: skip
        self._crawlers.append(made)
        return made

    def states(self) -> Mapping[str, VisitState]:
        """Return the stored states of all sources, canaries included; those of the end once the day is over."""
        return self._last if self._last is not None else self._state.visits.load()

    @property
    def crashes(self) -> int:
        """Visits that ended in an error of ours."""
        return sum(each.crashes for each in self._crawlers)

    def canary_sources(self) -> tuple[SourceSettings, ...]:
        """Return the canaries."""
        return canaries(self.sources, self.settings.crawl.canary)

    async def run(self, span: timedelta) -> None:
        """Go through the day in steps of half a minute at most."""
        helps = self._helps()
        end = START + span
        while self._clock.now() < end:
            before = self._clock.now()
            while helps and helps[0][0] <= before:
                await self._help(helps.pop(0)[1])
            await self._farm.tick()
            begun = await self._crawler.visit_due()
            self.visits += begun
            self._look(before)
            self._clock.set(max(self._clock.now(), before + STEP))

    def _look(self, at: datetime) -> None:
        at = max(at, self._clock.now())
        self.looks.append(at)
        for health in health_of(self.sources, self.states(), at, "zh"):
            self.health[health.source].note(at, health)

    @staticmethod
    def _helps() -> list[tuple[datetime, str]]:
        """Return when somebody does what, in order: a new cookie after a login wall, a new start."""
        found = [
            (spell.end + REPLACED_AFTER, spell.site)
            for spell in SPELLS
            if spell.site == "m-weibo" and REFUSALS[spell.kind].asks is Asks.SOMEONE
        ]
        return sorted([*found, (START + timedelta(hours=RESTART_H), "")])

    async def _help(self, site: str) -> None:
        self.helped.append((self._clock.now(), site))
        if site:
            self._cookies[BASE_OF[site]].write_text(f"SUB=cookie-number-{len(self.helped)}", encoding="utf-8")
            return
        self._crawler.close()
        self._crawler = self._start()

    def freeze(self) -> None:
        """End everything; what is known of the day stays."""
        self._last = self.states()
        self._crawler.close()
        self._state.close()
