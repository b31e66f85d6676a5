"""Rule kind `burst`: clearly more than usual, in one of several windows or in one story."""

from alerts.detect.base import Signal, View, labels_of, reason_json, reason_of
from alerts.detect.series import BINS_PER_HOUR, bin_of, bins_in
from alerts.detect.window import BurstSettings, Look, Measure
from config.settings import RuleSettings
from domain.ids import fingerprint
from domain.incident import Incident, IncidentFlag, IncidentState, Severity
from domain.spec import Spec

__all__ = ["SPEC", "BurstRule", "BurstSettings"]

_FEWEST = 3
"""Authors below which nothing counts as going on."""
_REWARM = 0.75
"""Share of the limit at which a cooling incident opens again; above `hold`, so that it does not flap."""
_RECENT = 4
"""An incident opened by a long window goes on while the last quarter of that window is raised."""


class BurstRule:
    """Compare what was said with what is usual at that hour, over the sources that live."""

    def __init__(self, settings: BurstSettings) -> None:
        self._settings = settings
        self._widths = tuple(bins_in(window) for window in settings.windows)
        self._story_width = bins_in(settings.story_window) if settings.story_window else 0

    def evaluate(self, rule: RuleSettings, view: View) -> list[Signal]:
        """Return one signal for the brand: firing while it rises or is still going on."""
        baseline = view.baseline(self._settings.on, self._widths, self._story_width)
        labels = labels_of(rule, view.brand)
        key = fingerprint(labels)
        cleared = view.cleared.get(key)
        measure = Measure(self._settings, view, baseline, first=bin_of(cleared) + 1 if cleared else 0)
        looks = [measure.window(width, self._k(place)) for place, width in enumerate(self._widths)]
        if self._story_width:
            looks.append(measure.story(self._story_width))
        incident = view.active.get(key)
        if incident is None or incident.state is IncidentState.PENDING:
            best = max(looks, key=lambda look: (look.fires, look.score))
            opened, firing = best.width, best.fires
            started = measure.start_of(best) if firing else view.now
        else:
            opened = int(reason_of(incident).get("opened", self._widths[0]))
            started = incident.started_at
            best = max(
                (look for look in looks if look.width <= max(opened, 6 * BINS_PER_HOUR)),
                key=lambda look: (look.fires, look.score),
            )
            firing = self._goes_on(measure, looks, opened, incident)
        return [
            Signal(
                rule=rule,
                brand=view.brand,
                labels=labels,
                firing=firing,
                severity=self._severity(rule, best),
                value=best.mentions,
                expected=best.expected_mentions,
                score=best.score,
                started_at=started,
                reason=self._reason(best, opened, baseline.share, baseline.days),
                flags=frozenset({IncidentFlag.SUSPECTED_FLOOD}) if best.flood else frozenset(),
                story_ids=(best.story,) if best.story else (),
            )
        ]

    def _k(self, place: int) -> float:
        return self._settings.k[min(place, len(self._settings.k) - 1)]

    def _severity(self, rule: RuleSettings, best: Look) -> Severity:
        critical = 0 < self._settings.critical_at <= best.score and best.fires
        return Severity.CRITICAL if critical else rule.severity

    def _goes_on(self, measure: Measure, looks: list[Look], opened: int, incident: Incident) -> bool:
        """Say whether it is still happening now: in the short windows, or in the recent part of a long one."""
        hold = self._settings.hold
        need = hold if incident.state is not IncidentState.COOLING else max(hold, _REWARM)
        short = [look for look in looks if look.short]
        if any(look.score >= need and look.authors >= _FEWEST for look in short):
            return True
        if opened <= BINS_PER_HOUR:
            return False
        recent = measure.window(max(BINS_PER_HOUR, opened // _RECENT), self._k(0))
        return recent.score >= need / 1.5 and recent.authors >= _FEWEST

    def _reason(self, best: Look, opened: int, usual_share: float, days: float) -> str:
        return reason_json(
            kind="burst",
            on=self._settings.on,
            window_s=best.width * 300,
            opened=opened,
            value=best.mentions,
            expected=best.expected_mentions,
            authors=best.authors,
            expected_authors=best.expected,
            z=best.z,
            share=best.share,
            usual_share=usual_share,
            share_ok=best.share_ok,
            flood=best.flood,
            story=best.story,
            history_days=days,
        )


SPEC = Spec(name="burst", settings=BurstSettings, factory=BurstRule, title="激增")
