"""One step of the watch role: what changed → rules → incidents → queued messages, in one transaction."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.detect import Rule, View, build_rule, evaluate
from alerts.detect.base import BaselineOf
from alerts.detect.baseline import Baseline
from alerts.detect.brand import BrandCounts
from alerts.detect.coverage import dark_bins, in_gap
from alerts.detect.series import On, bin_of, bin_start
from alerts.evidence import Evidence, KibanaLink
from alerts.incidents import Action, ActionError, act
from alerts.notices import Notices
from alerts.plan import Plan
from alerts.teller import Teller
from config.settings import RuleSettings, Settings
from domain.clock import Clock
from domain.errors import TingfengError
from domain.incident import Incident
from domain.mention import Mention
from domain.moment import BUCKET
from domain.ports import Change, CountSource, Desk, DeskChange, Inbox, MentionSearch
from domain.source import SourceHealth
from domain.trend import BrandTrend

__all__ = ["TrendsOf", "Watch", "WatchResult"]

logger = logging.getLogger(__name__)

_CLAIM = 5_000
_LEASE_S = 60.0
_TRIES = 4
_ACTIVE = 10_000
_REMEMBERED = 1_000
_NEWS = timedelta(hours=25)
"""Mentions with an older event time are never read for rules that look at single ones."""
_LATE = timedelta(hours=1)

TrendsOf = Callable[[datetime], Mapping[str, Sequence[BrandTrend]]]
"""From a moment to the stays on hot lists that go on or ended while a rule holds, by the brands that they name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchResult:
    """What a step did."""

    looked: bool = False
    """Whether the rules were evaluated: there was news, or a tick was due."""
    claimed: int = 0
    """Changed rows worked off; 0 = no news."""
    evaluated: int = 0
    """Looks of a rule at a brand."""
    messages: int = 0
    """Deliveries queued."""
    incidents: int = 0
    """Incidents written."""


class Watch:
    """Looks at the brands and leads their incidents; one object per process, not thread-safe.

    Everything it decides by lies in the stores: what it keeps in memory is only a cache of
    them, so a restart between two steps changes no decision.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        desk: Desk,
        inbox: Inbox,
        search: MentionSearch,
        counts: CountSource,
        health: Callable[[], Sequence[SourceHealth]],
        clock: Clock,
        owner: str,
        kibana: KibanaLink | None = None,
        trends: TrendsOf | None = None,
    ) -> None:
        self._settings, self._desk, self._inbox, self._search = settings, desk, inbox, search
        self._counts, self._health, self._clock, self._owner = counts, health, clock, owner
        self._teller = Teller(settings, Evidence(settings, search=search, counts=counts, kibana=kibana), desk)
        self._rules: dict[str, tuple[RuleSettings, Rule]] = {
            rule.name: (rule, build_rule(rule)) for rule in settings.rules if rule.enabled
        }
        operator = next((each for each in settings.receivers if each.name == settings.operator), None)
        wanted = any(rule.kind == "trend" for rule, _ in self._rules.values())
        self._trends_of = trends if wanted else None
        self._trends: Mapping[str, Sequence[BrandTrend]] = {}
        self._notices: Notices | None = None
        self._operator = operator
        self._brands: dict[str, BrandCounts] = {}
        self._cleared: dict[str, datetime] = {}
        self._active: dict[str, str] | None = None
        self._ticked: datetime | None = None

    def step(self) -> WatchResult:
        """Work off the changed rows, or look at every brand when a tick is due.

        Raises:
            TingfengError: A store did not answer; nothing was written, the same work comes again.
        """
        now = self._clock.now()
        if self._ticked is None:
            self._inbox.take_back(owner=self._owner, now=now)
        changes = self._inbox.claim_changes(owner=self._owner, limit=_CLAIM, lease=self._clock.span(_LEASE_S), now=now)
        tick = self._ticked is None or now - self._ticked >= self._settings.watch.tick or now < self._ticked
        if not changes and not tick:
            return WatchResult()
        health = list(self._health())
        if tick and self._trends_of is not None:
            self._trends = self._trends_of(now)
        news = self._take_in(changes, now, everything=tick)
        plan = self._write(changes, news, now, health)
        if tick:
            self._ticked = now
        return WatchResult(
            looked=True,
            claimed=len(changes),
            evaluated=plan.looks,
            messages=len(plan.deliveries),
            incidents=len(plan.incidents),
        )

    def act(self, incident_id: str, *, action: Action, by: str, text: str = "") -> Incident:
        """Do what a person asks with an incident and queue what others must be told of it.

        Returns:
            The incident after it.

        Raises:
            ActionError: The incident is unknown, or its state does not allow the action.
            TingfengError: The store did not answer, or others kept changing the incident.
        """
        now = self._clock.now()
        for attempt in range(_TRIES):
            incident = self._desk.incident(incident_id)
            if incident is None:
                raise ActionError(f"there is no incident {incident_id}")
            done = act(incident, action, by=by, text=text, now=now, ack_for=self._settings.watch.ack_for)
            acted = done.incident or incident
            told = self._teller.deliveries(done, now=now, health=list(self._health()))
            change = DeskChange(incidents=(acted,), deliveries=told)
            try:
                self._desk.commit(change, now=now)
            except TingfengError:
                if attempt + 1 == _TRIES or not self._overtaken(change):
                    raise
                continue
            return self._desk.incident(incident_id) or acted
        raise TingfengError(f"incident {incident_id} changes too fast, try again")

    def _take_in(self, changes: Sequence[Change], now: datetime, *, everything: bool) -> "_News":
        """Bring the counts up to date and read the mentions that rules want to see one by one."""
        touched: dict[str, set[int]] = {}
        for change in changes:
            touched.setdefault(change.brand, set()).add(bin_of(change.bucket))
        names = {brand.id for brand in self._settings.brands}
        looked = (names | set(touched)) if everything else set(touched)
        for brand in sorted(looked):
            if brand in self._brands:
                self._brands[brand].update(touched.get(brand, ()), now)
            else:
                self._brands[brand] = BrandCounts(self._counts, brand, history=self._settings.watch.history, now=now)
        recent = {change.mention for change in changes if change.bucket >= now - _NEWS - BUCKET}
        found = self._search.get(sorted(recent)) if recent else {}
        mentions: dict[str, list[Mention]] = {}
        late: set[str] = set()
        for brand in touched:
            mine = [change for change in changes if change.brand == brand]
            mentions[brand] = [found[name] for name in sorted({each.mention for each in mine}) if name in found]
            if _mostly_late(mine):
                late.add(brand)
        return _News(brands=tuple(sorted(looked)), everything=everything, mentions=mentions, late=frozenset(late))

    def _write(self, changes: Sequence[Change], news: "_News", now: datetime, health: Sequence[SourceHealth]) -> Plan:
        if self._notices is None:
            self._notices = Notices(self._operator, self._desk, locale=self._settings.locale)
        for attempt in range(_TRIES):
            plan = self._plan(news, now, health)
            plan.deliveries.extend(self._notices.due(health, now))
            change = plan.change(changes)
            if change == DeskChange():
                break
            try:
                self._desk.commit(change, now=now)
                break
            except TingfengError:
                if attempt + 1 == _TRIES or not self._overtaken(change):
                    raise
                logger.info("an incident was changed meanwhile, looking again try=%d", attempt + 2)
        self._notices.sent(health, now)
        self._remember(plan.incidents)
        return plan

    def _overtaken(self, change: DeskChange) -> bool:
        """Say whether a commit failed because somebody else wrote one of its incidents first."""
        stored = ((incident, self._desk.incident(incident.id)) for incident in change.incidents)
        return any((found.version if found else 0) != incident.version for incident, found in stored)

    def _load_incidents(self) -> dict[str, Incident]:
        """Return the unresolved incidents by fingerprint, and learn which others have ended."""
        active = {incident.fingerprint: incident for incident in self._desk.incidents(active_only=True, limit=_ACTIVE)}
        if self._active is None:
            self._remember(self._desk.incidents(limit=_REMEMBERED))
        else:
            for fingerprint, number in self._active.items():
                if fingerprint not in active or active[fingerprint].id != number:
                    ended = self._desk.incident(number)
                    self._remember([ended] if ended else [])
        self._active = {fingerprint: incident.id for fingerprint, incident in active.items()}
        return active

    def _remember(self, incidents: Sequence[Incident]) -> None:
        for incident in incidents:
            if incident.opened_at is not None and incident.resolved_at is not None:
                known = self._cleared.get(incident.fingerprint)
                if known is None or known < incident.resolved_at:
                    self._cleared[incident.fingerprint] = incident.resolved_at

    def _plan(self, news: "_News", now: datetime, health: Sequence[SourceHealth]) -> Plan:
        active = self._load_incidents()
        plan = Plan(
            {name: settings for name, (settings, _) in self._rules.items()},
            ack_for=self._settings.watch.ack_for,
            desk=self._desk,
            teller=self._teller,
            now=now,
            health=health,
            silences=self._desk.silences(at=now),
        )
        seen: set[str] = set()
        for brand in news.brands:
            view, gap = self._view(brand, news, now, health, active)
            for settings, rule in self._rules.values():
                looks = evaluate(rule, settings, view)
                plan.looks += len(looks)
                for signal in looks:
                    seen.add(signal.fingerprint)
                    plan.lead(active.get(signal.fingerprint), signal, gap=gap, late=brand in news.late)
            for fingerprint, incident in active.items():
                if incident.brand == brand and fingerprint not in seen:
                    plan.lead(incident, None, gap=gap)
        if news.everything:
            for incident in active.values():
                if incident.brand not in news.brands:
                    plan.lead(incident, None, gap=False)
        return plan

    def _view(
        self,
        brand: str,
        news: "_News",
        now: datetime,
        health: Sequence[SourceHealth],
        active: Mapping[str, Incident],
    ) -> tuple[View, bool]:
        counts = self._brands[brand]
        counts.listen(health)
        last = bin_of(now)
        baseline_of = _baseline_of(counts, now)
        usual = baseline_of("all", (), 0)
        fraction = (now - bin_start(last)) / BUCKET
        dark = dark_bins(counts.series, usual, {each.source: each for each in health}, last=last, fraction=fraction)
        view = View(
            brand=brand,
            now=now,
            series=counts.series,
            baseline=baseline_of,
            dark_from=dark,
            listed=frozenset(each.source for each in health) or None,
            active={key: incident for key, incident in active.items() if incident.brand == brand},
            cleared=self._cleared,
            mentions=news.mentions.get(brand, ()),
            trends=self._trends.get(brand, ()),
            health={each.source: each for each in health},
        )
        return view, in_gap(counts.series, usual, dark, health, last=last, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class _News:
    """What came in since the last step."""

    brands: tuple[str, ...]
    everything: bool
    mentions: Mapping[str, Sequence[Mention]]
    late: frozenset[str]


def _baseline_of(counts: BrandCounts, now: datetime) -> BaselineOf:
    def baseline(on: On, windows: tuple[int, ...], story_width: int) -> Baseline:
        return counts.baseline(on, windows, story_width, now=now)

    return baseline


def _mostly_late(changes: Sequence[Change]) -> bool:
    recent = [change for change in changes if change.at - change.bucket <= _NEWS]
    return len(recent) >= 5 and 2 * sum(change.at - change.bucket > _LATE for change in recent) > len(recent)
