"""What a day on the farm came to: pure figures from its log, its spells and what health said."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from config.settings import SourceSettings
from crawlers.cadence import bounds_of
from crawlers.platforms import build_platform
from domain.source import SourceState
from tests.farm.plan import LINES, SPELLS, START, Line, Spell
from tests.farm.refusals import ODD, REFUSALS, Asks
from tests.farm.server import Farm, Request
from tests.farm.world import STEP, Day

__all__ = ["Judge"]

_SIX_HOURS, _SHORTEST, _LONGEST = timedelta(hours=6), timedelta(minutes=5), timedelta(hours=2)
_BACKOFF = timedelta(minutes=30)
"""Longest interval of a source that failed several times in a row."""
_JITTER = 1.1
_EVER = timedelta(days=1_000)
_HELP = timedelta(minutes=2)
"""Time in which the end of a wall is taken note of: a look at the files every ten seconds, but not in less than half a
second of real time."""


class Judge:
    """Looks at a day that is over.

    Args:
        farm: The farm, with its log.
        day: The day.
        end: When it ended, UTC.
    """

    def __init__(self, farm: Farm, day: Day, end: datetime) -> None:
        self._farm, self._day, self._end = farm, day, end
        self._canary = day.settings.crawl.canary

    # --- breakers ------------------------------------------------------------------------------------------------

    def hammered(self) -> list[str]:
        """Return each request that came although a refusal before it asked for a pause."""
        found = []
        rows: Counter[str] = Counter()
        closed: dict[str, tuple[datetime, Request]] = {}
        for asked in self._farm.asked:
            who, refusal = f"{asked.site} {asked.line}", REFUSALS.get(asked.kind)
            for key in (who, asked.site):
                until, why = closed.get(key, (asked.at, asked))
                if asked.at < until:
                    found.append(f"{asked.at:%H:%M:%S} {who} {asked.path[:50]}: after {why.kind} at {why.at:%H:%M:%S}")
            if refusal is None or refusal.asks is Asks.NOTHING:
                rows[who] = 0
                continue
            rows[who] += 1
            pause = {
                Asks.SIX_HOURS: _SIX_HOURS,
                Asks.BACK_OFF: min(_SHORTEST * 2 ** (rows[who] - 1), _LONGEST),
                Asks.TOLD: refusal.told or timedelta(0),
                Asks.SOMEONE: _EVER,
            }[refusal.asks]
            until = asked.at + pause
            if refusal.asks is Asks.SOMEONE:
                until = self._helped_at(asked.site, asked.at)
            closed[asked.site if refusal.whole_site else who] = (until, asked)
        return found

    def not_opened(self) -> list[str]:
        """Return each spell of refusals after whose first refusal health did not say that the source is not heard."""
        found = []
        for spell, line in self._spells():
            first = next(
                (each.at for each in self._asked(line) if each.kind == spell.kind and each.at >= spell.start), None
            )
            if spell.kind in ODD or REFUSALS[spell.kind].asks is Asks.NOTHING:
                continue
            if first is None:
                if not REFUSALS[spell.kind].whole_site:
                    found.append(f"{line.name} {spell.kind}: never asked")
                continue
            look = next((at for at in self._day.looks if at >= first), self._end)
            if self._day.health[line.name].at(look)[0] is SourceState.LIVE:
                found.append(f"{line.name} {spell.kind}: live after the refusal at {first:%H:%M:%S}")
        return found

    def not_closed(self) -> list[str]:
        """Return each spell after whose end its source was not heard again within one pause."""
        found = []
        for spell, line in self._spells():
            latest = self._closed_by(spell, line)
            if latest > self._end:
                continue
            good = next((each.at for each in self._asked(line) if each.at >= spell.end and not each.kind), None)
            if good is None or good > latest:
                found.append(f"{line.name} {spell.kind}: first answer {good}, at the latest {latest:%H:%M:%S}")
            elif self._day.health[line.name].at(latest + self._canary * _JITTER)[0] is not SourceState.LIVE:
                if not self._in_spell(line, latest + self._canary * _JITTER):
                    found.append(f"{line.name} {spell.kind}: not live {self._canary * _JITTER} after {latest:%H:%M:%S}")
        return found

    def _closed_by(self, spell: Spell, line: Line) -> datetime:
        """Return until when a source must be heard again after a spell."""
        refusal = REFUSALS[spell.kind]
        pause = {
            Asks.SIX_HOURS: _SIX_HOURS,
            Asks.BACK_OFF: _LONGEST,
            Asks.TOLD: max(refusal.told or timedelta(0), _BACKOFF),
            Asks.NOTHING: _BACKOFF,
            Asks.SOMEONE: timedelta(0),
        }[refusal.asks]
        end = spell.end
        if refusal.asks is Asks.SOMEONE:
            end = self._helped_at(spell.site, spell.end) + _HELP
        return end + pause + self._most(line) + 2 * STEP

    # --- politeness ----------------------------------------------------------------------------------------------

    def too_close(self) -> list[str]:
        """Return each pair of requests to one site that are closer than its pace."""
        found = []
        paces = {line.site: self._source(line).pace for line in LINES}
        last: dict[str, Request] = {}
        for asked in self._farm.asked:
            before = last.get(asked.site)
            if before is not None and asked.at - before.at < paces[asked.site]:
                found.append(f"{asked.site}: {asked.at - before.at} between {before.path[:40]} and {asked.path[:40]}")
            last[asked.site] = asked
        return found

    def load(self) -> dict[str, tuple[int, float]]:
        """Return of each site how many visits' first requests it got and how many its shortest intervals allow."""
        span = self._end - START
        found: dict[str, tuple[int, float]] = {}
        for line in LINES:
            source = self._source(line)
            least = bounds_of(source, build_platform(source.platform), adaptive=True).least
            visits = sum(dict(self._day.states()[line.name].outcomes).values())
            allowed = span / (least * 0.9) + 1
            before = found.get(line.site, (0, 0.0))
            found[line.site] = (before[0] + visits, before[1] + allowed)
        return found

    def budget(self) -> float:
        """Return how many visits the usual intervals make while the roads are open, those of the canaries included."""
        usual = sum(self._open(line) / self._source(line).interval for line in LINES)
        watched = {line.site: line for line in LINES if line.canary}
        return usual + sum(self._open(line) / self._canary for line in watched.values())

    def _open(self, line: Line) -> timedelta:
        """Return how long health said of a source that it is not paused and not blind."""
        told = self._day.health[line.name].told
        ends = [at for at, *_ in told[1:]] + [self._end]
        spans = ((at, end, state) for (at, state, _), end in zip(told, ends, strict=True))
        return sum((end - at for at, end, state in spans if state is SourceState.LIVE), timedelta(0))

    def bursts(self) -> float:
        """Return how many more visits the crises may cost: 90 min at its shortest interval for each line."""
        found = 0.0
        for line in LINES:
            source = self._source(line)
            bounds = bounds_of(source, build_platform(source.platform), adaptive=True)
            found += timedelta(hours=1.5) / bounds.least if line.rate else 0.0
        return found

    # --- blindness -----------------------------------------------------------------------------------------------

    def notices(self) -> dict[str, float]:
        """Return after how many canary intervals each blind spell was noticed, by source and kind; inf = never."""
        found = {}
        for spell, line in self._spells():
            if spell.end - spell.start < 2 * self._canary or spell.start + 2 * self._canary > self._end:
                continue
            if self._day.health[line.name].at(spell.start)[0] is not SourceState.LIVE:
                continue
            told = self._day.health[line.name].told
            at = next(
                (t for t, state, lost in told if t >= spell.start and (state is not SourceState.LIVE or lost)), None
            )
            late = (at - spell.start) / self._canary if at is not None else float("inf")
            found[f"{line.name} {spell.kind} {spell.start_h:g}h"] = late
        return found

    def false_alarms(self) -> list[str]:
        """Return each moment at which a source was called blind or changed although its road was open."""
        found = []
        for line in LINES:
            for at, state, lost in self._day.health[line.name].told:
                bad = bool(lost) or state in (SourceState.BLIND, SourceState.PAUSED)
                if bad and not self._in_spell(line, at):
                    found.append(f"{line.name} at {at:%H:%M:%S}: {state.value} {lost}")
        return found

    def _in_spell(self, line: Line, at: datetime) -> bool:
        slack = self._canary * _JITTER
        return any(
            each.start <= at <= self._closed_by(each, line) + slack for each, mine in self._spells() if mine is line
        )

    # --- coverage ------------------------------------------------------------------------------------------------

    def coverage(self) -> dict[str, tuple[int, int]]:
        """Return of each source how many posts were collected of how many published while its road was open.

        Posts of the last moments, which no visit could have seen, do not count: those since an interval before the
        end, and those since a spell whose pause goes on beyond it.
        """
        tokens = {post.token for number in range(len(LINES)) for post in self._farm.published[number].posts}
        got = {token for token in self._tokens() if token in tokens}
        found = {}
        for number, line in enumerate(LINES):
            spells = [each for each, mine in self._spells() if mine is line]
            closing = [each.start for each in spells if self._closed_by(each, line) > self._end]
            last = min((self._end - self._most(line) - 2 * STEP, *closing))
            blind = [each for each in spells if each.kind != "layout"]
            posts = [
                post
                for post in self._farm.published[number].posts
                if (post.at >= START or not line.rate)
                and post.at < last
                and not any(each.holds(post.at) for each in blind)
            ]
            found[line.name] = (sum(post.token in got for post in posts), len(posts))
        return found

    def twice(self) -> list[str]:
        """Return the posts that were taken in as new more than once."""
        return [token for token, times in Counter(self._tokens()).items() if times > 1]

    def _tokens(self) -> list[str]:
        texts = (f"{each.post.title or ''} {each.post.text}" for each in self._day.inbox.new)
        return [found[0] for text in texts if (found := re.search(r"q\d+n\d+e", text))]

    # --- means ---------------------------------------------------------------------------------------------------

    def _helped_at(self, site: str, after: datetime) -> datetime:
        """Return when somebody did what a wall at a site asks for; long after the end if nobody did."""
        found = (at for at, where in self._day.helped if at >= after and where in (site, ""))
        return next(found, self._end + _EVER)

    def _spells(self) -> Sequence[tuple[Spell, Line]]:
        return [(each, line) for each in SPELLS for line in LINES if line.site == each.site and each.start < self._end]

    def _asked(self, line: Line) -> list[Request]:
        return [each for each in self._farm.asked if each.line == line.name]

    def _source(self, line: Line) -> SourceSettings:
        return next(each for each in self._day.sources if each.name == line.name)

    def _most(self, line: Line) -> timedelta:
        source = self._source(line)
        return bounds_of(source, build_platform(source.platform), adaptive=True).most * _JITTER
