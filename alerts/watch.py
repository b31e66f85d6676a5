"""One step of the watch role: what changed → rules → incidents → queued messages, in one transaction."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from alerts.detect import Rule, Signal, View, build_rule, evaluate
from alerts.detect.base import BaselineOf
from alerts.detect.baseline import Baseline
from alerts.detect.brand import BrandCounts
from alerts.detect.coverage import dark_bins, in_gap
from alerts.detect.series import On, bin_of, bin_start
from alerts.evidence import Evidence, KibanaLink
from alerts.incidents import Action, ActionError, Patience, Transition, act, advance, incident_number, unmute
from alerts.notices import Notices
from alerts.silences import silenced
from alerts.teller import Teller
from config.settings import RuleSettings, Settings
from domain.clock import Clock
from domain.errors import TingfengError
from domain.incident import Delivery, Evaluation, Incident, IncidentFlag, IncidentState, Silence
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
"""From a moment to the stays on hot lists that go on or ended within a day, by the brands that they name."""


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


@dataclass(slots=True)
class _Plan:
    """What a step is about to write."""

    now: datetime
    health: Sequence[SourceHealth]
    silences: Sequence[Silence]
    evaluations: list[Evaluation] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    looks: int = 0


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

    def _write(
        self, changes: Sequence[Change], news: "_News", now: datetime, health: Sequence[SourceHealth]
    ) -> "_Plan":
        if self._notices is None:
            self._notices = Notices(self._operator, self._desk, locale=self._settings.locale)
        for attempt in range(_TRIES):
            plan = self._plan(news, now, health)
            plan.deliveries.extend(self._notices.due(health, now))
            change = DeskChange(
                evaluations=tuple(plan.evaluations),
                incidents=tuple(plan.incidents),
                deliveries=tuple(plan.deliveries),
                claimed=tuple(each.row for each in changes),
            )
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

    def _plan(self, news: "_News", now: datetime, health: Sequence[SourceHealth]) -> _Plan:
        active = self._load_incidents()
        plan = _Plan(now=now, health=health, silences=self._desk.silences(at=now))
        seen: set[str] = set()
        for brand in news.brands:
            view, gap = self._view(brand, news, now, health, active)
            for settings, rule in self._rules.values():
                looks = evaluate(rule, settings, view)
                plan.looks += len(looks)
                for signal in looks:
                    seen.add(signal.fingerprint)
                    self._lead(plan, active.get(signal.fingerprint), signal, gap, late=brand in news.late)
            for fingerprint, incident in active.items():
                if incident.brand == brand and fingerprint not in seen:
                    self._lead(plan, incident, None, gap)
        if news.everything:
            for incident in active.values():
                if incident.brand not in news.brands:
                    self._lead(plan, incident, None, False)
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

    def _lead(
        self,
        plan: _Plan,
        before: Incident | None,
        signal: Signal | None,
        gap: bool,
        *,
        late: bool = False,
    ) -> None:
        """Take one group's incident a step further and note what is to be written and told."""
        if before is None and (signal is None or not signal.firing):
            return
        now = plan.now
        number = before.id if before else self._free_number(signal, plan)
        rule = signal.rule if signal else self._rules.get(before.rule if before else "", (None, None))[0]
        if late and before is None and signal is not None:
            signal = replace(signal, flags=signal.flags | {IncidentFlag.LATE})
        step = advance(before, signal, gap=gap, now=now, patience=self._patience(rule, before), number=number)
        if step.incident is None:
            return
        if before is None:
            step = replace(step, incident=self._with_chain(step.incident, now))
        step = _muted(before, step, now, plan.silences)
        after = step.incident
        if after is None or after == before:
            return
        plan.incidents.append(after)
        plan.deliveries.extend(self._teller.deliveries(step, now=now, health=plan.health))
        if signal is not None and _worth_keeping(before, after, step):
            plan.evaluations.append(_evaluation(signal, after, now))

    def _patience(self, rule: RuleSettings | None, before: Incident | None) -> Patience:
        return Patience(
            pending=rule.pending if rule else timedelta(0),
            cooling=rule.cooling if rule else timedelta(hours=1),
            ack_for=self._settings.watch.ack_for,
            steps=self._teller.steps(before) if before else (),
        )

    def _with_chain(self, incident: Incident, now: datetime) -> Incident:
        steps = self._teller.steps(incident)
        if incident.state is not IncidentState.OPEN or not steps:
            return incident
        return replace(incident, next_step_at=now + steps[0].after)

    def _free_number(self, signal: Signal | None, plan: _Plan) -> str:
        if signal is None:
            return ""
        salt = 0
        taken = {incident.id for incident in plan.incidents}
        while True:
            number = incident_number(signal.fingerprint, plan.now, salt)
            if number not in taken and self._desk.incident(number) is None:
                return number
            salt += 1


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


def _muted(before: Incident | None, step: Transition, now: datetime, silences: Sequence[Silence]) -> Transition:
    """Hold messages back while a silence matches, and tell of what is still open when it ends."""
    after = step.incident
    if after is None:
        return step
    if silenced(after, silences):
        told_before = before is not None and before.seq > 0
        if after.state is IncidentState.RESOLVED and told_before:
            return step
        flags = after.flags | {IncidentFlag.SILENCED}
        return Transition(incident=replace(after, flags=flags, seq=before.seq if before else 0))
    if IncidentFlag.SILENCED not in after.flags:
        return step
    return unmute(step, now)


def _worth_keeping(before: Incident | None, after: Incident, step: Transition) -> bool:
    if before is None or step.messages or before.state is not after.state:
        return True
    return after.active and after.value != before.value


def _evaluation(signal: Signal, incident: Incident, now: datetime) -> Evaluation:
    return Evaluation(
        at=now,
        rule=signal.rule.name,
        brand=signal.brand,
        fingerprint=signal.fingerprint,
        firing=signal.firing,
        value=signal.value,
        expected=signal.expected,
        score=signal.score,
        reason=signal.reason,
        incident=incident.id,
    )
