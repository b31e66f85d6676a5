"""What people see of incidents on the command line, and what they do about them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from config.settings import Settings
from domain.codec import to_plain
from domain.incident import Delivery, Incident, Severity
from domain.mention import Engagement, Mention
from domain.moment import SHANGHAI, Window, moment_text, to_rfc3339
from domain.ports import MentionSearch
from service import wiring
from service.clock import running_clock
from service.errors import ServiceError, UsageError

__all__ = [
    "act_on",
    "incident_line",
    "incident_lines",
    "incident_link",
    "incident_view",
    "read_incident",
    "read_incidents",
    "test_receiver",
]

Action = Literal["ack", "close", "note", "false_alarm"]

LEVELS: Mapping[Severity, str] = {
    Severity.CRITICAL: "红",
    Severity.HIGH: "橙",
    Severity.MEDIUM: "黄",
    Severity.INFO: "蓝",
}


def read_incidents(
    stores: wiring.Stores, *, active_only: bool, limit: int
) -> Iterator[tuple[Incident, Sequence[Delivery]]]:
    """Yield incidents with their deliveries, newest first."""
    for incident in stores.state.desk.incidents(active_only=active_only, limit=limit):
        yield incident, stores.state.desk.deliveries(incident=incident.id)


def read_incident(stores: wiring.Stores, number: str) -> tuple[Incident, Sequence[Delivery]]:
    """Return one incident and its deliveries; the number's case does not matter.

    Raises:
        ServiceError: there is none of that number.
    """
    incident = stores.state.desk.incident(number.strip().upper())
    if incident is None:
        raise ServiceError(f"no incident {number!r}; `tingfeng incidents list` shows their numbers")
    return incident, stores.state.desk.deliveries(incident=incident.id)


def _moment(moment: datetime | None) -> str | None:
    return to_rfc3339(moment) if moment else None


def incident_view(
    incident: Incident, deliveries: Sequence[Delivery], mentions: MentionSearch, kibana_url: str | None = None
) -> dict[str, object]:
    """Return the JSON object of one incident; extra keys may come later, these stay."""
    found = mentions.get(incident.story_ids)
    return {
        "id": incident.id,
        "brand": incident.brand,
        "rule": incident.rule,
        "severity": incident.severity.value,
        "state": incident.state.value,
        "flags": sorted(flag.value for flag in incident.flags),
        "started_at": _moment(incident.started_at),
        "opened_at": _moment(incident.opened_at),
        "resolved_at": _moment(incident.resolved_at),
        "acked_by": incident.acked_by,
        "kibana_url": kibana_url,
        "peak": {"value": incident.peak_value, "at": _moment(incident.peak_at)},
        "counts": {"value": incident.value, "expected": incident.expected},
        "labels": dict(incident.labels),
        "reason": _reason(incident),
        "stories": [_story_view(story, found.get(story), mentions) for story in incident.story_ids],
        "deliveries": [
            {
                "seq": each.seq,
                "kind": each.kind.value,
                "channel": each.channel,
                "target": each.target,
                "receiver": each.receiver,
                "state": each.state.value,
                "attempts": each.attempts,
                "answer": each.answer,
                "sent_at": _moment(each.sent_at),
            }
            for each in deliveries
        ],
        "notes": [
            {"at": _moment(note.at), "by": note.by, "action": note.action, "text": note.text} for note in incident.notes
        ],
    }


def _story_view(story: str, first: Mention | None, mentions: MentionSearch) -> dict[str, object]:
    """Return a story by its first mention, with what its counters grew to and when it was deleted, where known."""
    view: dict[str, object] = {"id": story, "url": first.post.url if first else None}
    readings = mentions.engagement_history(story)
    if len(readings) > 1:
        view["engagement"] = [{"at": _moment(at)} | to_plain(_counts(counts)) for at, counts in readings]
    if first is not None and first.deleted_at is not None:
        view["deleted_at"] = _moment(first.deleted_at)
    return view


def _counts(shown: Engagement) -> Engagement:
    return replace(shown, approx=frozenset(), lower_bound=frozenset())


def _growth_line(story: str, mentions: MentionSearch) -> str:
    """Return the first and the last reading of a story's counters on one line; empty if there are not two."""
    readings = mentions.engagement_history(story)
    if len(readings) < 2:
        return ""
    ends = (readings[0], readings[-1])
    return "互动 " + " → ".join(f"{moment_text(at)} {_shown(counts)}" for at, counts in ends)


def _shown(counts: Engagement) -> str:
    named = (("阅", counts.views), ("赞", counts.likes), ("评", counts.comments), ("转", counts.shares))
    return " ".join(f"{name} {number:,}" for name, number in named if number is not None) or "-"


def _reason(incident: Incident) -> object:
    try:
        return json.loads(incident.reason) if incident.reason else None
    except ValueError:
        return incident.reason


def _name_of(brand: str, settings: Settings) -> str:
    return next((each.name for each in settings.brands if each.id == brand), brand)


def incident_link(incident: Incident, settings: Settings) -> str | None:
    """Return a link to Kibana's crisis room from an hour before the incident to an hour after; None = no Kibana."""
    from alerts.detect.base import reason_of
    from alerts.evidence import kibana_query

    link = wiring.kibana_link(settings)
    if link is None:
        return None
    hour = timedelta(hours=1)
    end = max(incident.resolved_at or incident.last_true_at, incident.started_at)
    window = Window(start=incident.started_at - hour, end=end + hour)
    return link(kibana_query(incident, reason_of(incident)), window)


def incident_line(incident: Incident, deliveries: Sequence[Delivery], settings: Settings) -> str:
    """Return one incident in one line for people."""
    sent = sum(1 for each in deliveries if each.sent_at)
    return (
        f"{incident.id} {LEVELS[incident.severity]} {incident.state.value:9} {_name_of(incident.brand, settings)} "
        f"{incident.rule} {incident.value:g}（平时 {_usual(incident)}） {moment_text(incident.started_at)} 北京时间 "
        f"消息 {sent}/{len(deliveries)}"
    )


def _usual(incident: Incident) -> str:
    return "?" if incident.expected is None else f"{incident.expected:.1f}"


def incident_lines(
    incident: Incident, deliveries: Sequence[Delivery], mentions: MentionSearch, settings: Settings
) -> list[str]:
    """Return everything about one incident for people, a line each."""
    found = mentions.get(incident.story_ids)
    lines = [incident_line(incident, deliveries, settings), f"原因: {incident.reason or '-'}"]
    for story in incident.story_ids:
        mention = found.get(story)
        text = " ".join(mention.post.text.split())[:60] if mention else ""
        gone = mention.deleted_at if mention else None
        mark = f"（原文已删除，{moment_text(gone)} 发现）" if gone else ""
        lines.append(f"事件报道 {story}: {text} {mention.post.url or '' if mention else ''}".rstrip() + mark)
        lines += [line for line in (_growth_line(story, mentions),) if line]
    link = incident_link(incident, settings)
    if link is not None:
        lines.append(f"Kibana {link}")
    for each in deliveries:
        when = f"{each.sent_at.astimezone(SHANGHAI):%m-%d %H:%M:%S}" if each.sent_at else "-"
        lines.append(
            f"消息 {each.seq} {each.kind.value} {each.channel} {each.target} "
            f"{each.state.value} 试 {each.attempts} 次 {when} {each.answer}"
        )
    for note in incident.notes:
        lines.append(f"{moment_text(note.at)} {note.by}: {note.action} {note.text}".rstrip())
    return lines


def act_on(settings: Settings, stores: wiring.Stores, number: str, *, action: Action, by: str, text: str) -> str:
    """Let a person act on an incident and queue what others must be told of it.

    Raises:
        ServiceError: there is no such incident, or the action does not fit its state.
        UsageError: the name is empty.
    """
    if not by.strip():
        raise UsageError("--by: say who you are; the record needs a name")
    incident, _ = read_incident(stores, number)
    watch = wiring.make_watch(settings, stores, running_clock(settings.data_dir), owner=wiring.owner_name("desk"))
    after = watch.act(incident.id, action=action, by=by.strip(), text=text.strip())
    return f"{after.id} {after.state.value}（{by.strip()}：{action}）"


def test_receiver(settings: Settings, stores: wiring.Stores, name: str) -> tuple[list[str], bool]:
    """Send a marked test to every channel of a receiver; return what to print and whether all took it.

    Raises:
        UsageError: there is no such receiver.
    """
    from alerts.notifiers import notifier_specs
    from alerts.trial import send_test

    receiver = next((each for each in settings.receivers if each.name == name), None)
    if receiver is None:
        known = "、".join(each.name for each in settings.receivers) or "none"
        raise UsageError(f"no receiver {name!r} in {settings.path}; there are: {known}")
    answers = send_test(
        receiver,
        desk=stores.state.desk,
        specs=notifier_specs(),
        network=settings.network,
        locale=receiver.locale or settings.locale,
        now=running_clock(settings.data_dir).now(),
    )
    lines = [
        f"{'ok  ' if each.ok else 'FAIL'} {each.channel} {each.target}: {each.answer}"
        + (f" → {each.fix}" if each.fix else "")
        for each in answers
    ]
    return lines, bool(answers) and all(each.ok for each in answers)
