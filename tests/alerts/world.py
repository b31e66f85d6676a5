"""A small world for the watch: invented mentions, real stores, a clock that stands."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from alerts.detect.burst import BurstSettings
from alerts.detect.match import MatchSettings
from alerts.watch import Watch, WatchResult
from config.settings import ReceiverSettings, RouteSettings, RuleSettings, Settings
from domain.clock import ManualClock
from domain.incident import Delivery, Incident, Severity
from domain.mention import Author, Engagement, Flag, Kind, Mention, Post, Precision
from domain.moment import bucket_of
from domain.ports import Change
from domain.source import SourceHealth, SourceState
from domain.tagging import BrandDefinition, BrandTag, Polarity, RiskTag, Sentiment, Tagging
from domain.trend import BrandTrend
from storage import State, open_state
from storage.memory import MemoryMentions

START = datetime(2026, 6, 15, 2, 0, tzinfo=UTC)
"""10:00 in Shanghai, a Monday; two weeks of history lie before it."""
BRAND = BrandDefinition(id="yunshan", name="云杉咖啡", query="云杉咖啡")
BURST = RuleSettings(
    name="negative-burst",
    kind="burst",
    title="负面激增",
    severity=Severity.HIGH,
    cooling=timedelta(minutes=45),
    options=BurstSettings(),
)
GRAVE = RuleSettings(
    name="grave-risk",
    kind="match",
    title="重大风险",
    severity=Severity.HIGH,
    cooling=timedelta(hours=2),
    options=MatchSettings(
        query="risk: food_safety and severity >= 50 and author.followers >= 100000 and negative_for: *"
    ),
)
SOURCE = SourceHealth(source="feed-a", platform="feed", state=SourceState.LIVE, since=START - timedelta(days=30))


@dataclass(frozen=True, slots=True)
class FakeChannel:
    """The only thing that queuing asks of a channel's settings."""

    target: str
    """Where it would go."""


def settings(**changes: Any) -> Settings:
    """Return settings with one brand, both default rules and one receiver."""
    base = Settings(
        path=Path("tingfeng.yaml"),
        data_dir=Path("data"),
        brands=(BRAND,),
        rules=(BURST, GRAVE),
        receivers=(receiver("pr"),),
    )
    return replace(base, **changes)


def receiver(name: str) -> ReceiverSettings:
    """Return a receiver with one channel."""
    return ReceiverSettings(name=name, channels=(("slack", FakeChannel(f"C-{name}")),))


def route(to: str, match: str = "", **more: Any) -> RouteSettings:
    """Return a route."""
    return RouteSettings(match=match, to=to, **more)


def mention(
    number: int,
    at: datetime,
    *,
    polarity: Polarity = Polarity.NEGATIVE,
    collected: datetime | None = None,
    author: Author | None = None,
    risk: str | None = None,
    story: str | None = None,
    source: str = "feed-a",
    flags: Sequence[Flag] = (),
    engagement: Engagement | None = None,
    text: str = "",
    brand: str = "yunshan",
) -> Mention:
    """Return a tagged mention of the brand."""
    negative = polarity is Polarity.NEGATIVE
    feeling = Sentiment(
        polarity=polarity, score=-0.9 if negative else 0.9, p_negative=0.9 if negative else 0.1, confidence=0.9
    )
    risks = (RiskTag(category=risk, severity=57),) if risk else ()
    return Mention(
        id=f"weibo:{number}",
        post=Post(
            platform="weibo",
            native_id=str(number),
            kind=Kind.POST,
            text=text or f"云杉咖啡，第 {number} 条。",
            url=f"https://weibo.example/{number}",
            author=author if author is not None else Author(name=f"读者{number}", id=str(number)),
            published_at=at,
            published_precision=Precision.SECOND,
            engagement=engagement or Engagement(),
        ),
        source=source,
        first_collected_at=collected or at,
        last_collected_at=collected or at,
        flags=frozenset(flags),
        tags=Tagging(
            sentiment=feeling,
            brands=(BrandTag(brand=brand, sentiment=feeling),),
            risks=risks,
            severity=57 if risk else 0,
        ),
        story_id=story or f"weibo:{number}",
    )


@dataclass(slots=True)
class Inbox:
    """Changed rows that come back until a commit has named them; the rest of an inbox is not here."""

    rows: list[Change] = field(default_factory=list)
    """All rows ever written."""
    done: set[int] = field(default_factory=set)
    """Rows that a commit has taken."""

    def write(self, mentions: Sequence[Mention], now: datetime) -> None:
        """Write one changed row for each brand of each mention."""
        for each in mentions:
            for brand in each.brands:
                bucket = bucket_of(each.event_at)
                self.rows.append(Change(mention=each.id, brand=brand, bucket=bucket, at=now, row=len(self.rows) + 1))

    def claim_changes(self, *, owner: str, limit: int, lease: timedelta, now: datetime) -> Sequence[Change]:
        """Return the oldest rows that are not done."""
        return [row for row in self.rows if row.row not in self.done][:limit]

    def take_back(self, *, owner: str, now: datetime) -> int:
        """Return 0: rows come back by themselves here."""
        return 0


class NotingDesk:
    """The real desk, which also tells the fake inbox which rows are done."""

    def __init__(self, desk: Any, inbox: Inbox) -> None:
        self._desk, self._inbox = desk, inbox
        self.commits = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._desk, name)

    def commit(self, change: Any, *, now: datetime) -> None:
        """Commit, then mark the claimed rows."""
        self._desk.commit(change, now=now)
        self.commits += 1
        self._inbox.done.update(change.claimed)


class World:
    """One brand, its stores and a watch that can be started anew at any moment."""

    def __init__(self, folder: Path, *, wanted: Settings | None = None, rate: float = 6.0, seed: int = 1) -> None:
        self.settings = wanted or settings()
        self.clock = ManualClock(START)
        self.random = random.Random(seed)
        self.state: State = open_state(None, folder)
        self.mentions = MemoryMentions()
        self.inbox = Inbox()
        self.desk = NotingDesk(self.state.desk, self.inbox)
        self.health: list[SourceHealth] = [SOURCE]
        self.trends: dict[str, list[BrandTrend]] = {}
        self.rate = rate
        self._number = 0
        self._waiting: list[Mention] = []
        self.watch = self.start()

    def close(self) -> None:
        """Close the stores."""
        self.state.close()

    def start(self) -> Watch:
        """Start a watch that knows nothing but the stores."""
        self.watch = Watch(
            self.settings,
            desk=self.desk,  # type: ignore[arg-type]  # delegates all but commit
            inbox=self.inbox,  # type: ignore[arg-type]  # only what the watch asks of an inbox
            search=self.mentions,
            counts=self.mentions,
            health=lambda: self.health,
            clock=self.clock,
            owner="watch",
            trends=lambda now: self.trends,
        )
        return self.watch

    def make(self, at: datetime, **facts: Any) -> Mention:
        """Return a new mention with a number of its own."""
        self._number += 1
        return mention(self._number, at, **facts)

    def store(self, mentions: Sequence[Mention]) -> None:
        """Put mentions into the store and write their changed rows, as the analyse step does."""
        if mentions:
            self.mentions.put(list(mentions), now=self.clock.now())
            self.inbox.write(mentions, self.clock.now())

    def history(self, days: int = 14) -> None:
        """Import `days` of quiet history at once, half of it negative."""
        at, past = START - timedelta(days=days), []
        while True:
            at += timedelta(hours=self.random.expovariate(self.rate))
            if at >= START:
                break
            past.append(self.make(at, polarity=self._polarity(), collected=START, flags=[Flag.BACKFILL]))
        self.store(past)

    def _polarity(self, negative: float = 0.5) -> Polarity:
        return Polarity.NEGATIVE if self.random.random() < negative else Polarity.POSITIVE

    def plan_quiet(self, hours: float) -> None:
        """Let the usual talk go on for some hours from now."""
        at = self.clock.now()
        end = at + timedelta(hours=hours)
        while (at := at + timedelta(hours=self.random.expovariate(self.rate))) < end:
            self._waiting.append(self.make(at, polarity=self._polarity()))

    def plan_wave(self, number: int, minutes: float, *, start: float = 0, negative: float = 1.0, **facts: Any) -> None:
        """Let `number` mentions come evenly over some minutes, `start` minutes from now."""
        begin = self.clock.now() + timedelta(minutes=start)
        for place in range(number):
            at = begin + timedelta(minutes=minutes * place / number)
            self._waiting.append(self.make(at, polarity=self._polarity(negative), **facts))

    def deliver_due(self) -> None:
        """Store what has been published by now."""
        now = self.clock.now()
        due = [each for each in self._waiting if each.event_at <= now]
        self._waiting = [each for each in self._waiting if each.event_at > now]
        self.store([replace(each, first_collected_at=now, last_collected_at=now) for each in due])

    def run(self, minutes: int, *, dark: bool = False) -> list[WatchResult]:
        """Go on minute by minute: sources are read every five minutes, the watch steps each minute."""
        results = []
        for _ in range(minutes):
            now = self.clock.advance(timedelta(minutes=1))
            if now.minute % 5 == 0 and not dark:
                self.deliver_due()
            results.append(self.watch.step())
        return results

    def told(self) -> list[str]:
        """Return the kinds of all queued messages, oldest first."""
        return [delivery.kind.value for delivery in self.deliveries()]

    def deliveries(self) -> Sequence[Delivery]:
        """Return all queued messages, oldest first."""
        found: Sequence[Delivery] = self.desk.deliveries()
        return found

    def incident(self) -> Incident:
        """Return the newest incident."""
        found: Incident = self.desk.incidents()[0]
        return found
