"""Every fault that the contract of the channels names, played as a script, with what must be seen.

The keys are the rows of its two tables, in our words: `reaction` rows say what an answer of a
channel means (section 8), `fault` rows what the outbox does about it (section 9).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from domain.incident import DeliveryState
from service.demo.sink import Fault

DELIVERED, DEGRADED = DeliveryState.DELIVERED, DeliveryState.DEGRADED
BROKEN, DROPPED = DeliveryState.BROKEN, DeliveryState.DROPPED

ROUTES = {"slack": "slack.post", "slack_webhook": "slack.webhook", "wecom_robot": "wecom.send"}

Wait = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What must be seen of one message to a channel whose fallback is well."""

    calls: int
    """Requests that the channel saw."""
    accepted: int = 1
    """Messages that people in the channel saw."""
    end: DeliveryState = DELIVERED
    """How the delivery ends."""
    channel: str = "ok"
    """State of the channel after its first answer."""
    waits: tuple[Wait, ...] = ()
    """Least and most virtual seconds until each next try, in order; empty = none is put off."""
    degrade: int = 0
    """Form in which it arrived."""
    stand_in: bool = False
    """Whether the fallback was told."""
    repeat: bool = False
    """Whether the last message says that it may be a repeat."""
    hint: str = ""
    """Words of the remedy that the channel's health shows."""
    log: str = ""
    """Words that the log must hold."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One script under one row."""

    row: str
    signal: str
    channel: str
    faults: tuple[Fault, ...]
    seen: Seen
    in_thread: bool = False
    """The message is the second of its incident."""
    blind: bool = False
    """The bot has no right to read the channel."""
    search: tuple[Fault, ...] = ()
    """What searching the channel meets."""

    @property
    def name(self) -> str:
        return f"{self.row} — {self.channel} {self.signal}"


def slack(error: str, status: int = 200, **headers: str) -> Fault:
    return Fault(action="reply", status=status, body=json.dumps({"ok": False, "error": error}), headers=headers)


def wecom(code: int) -> Fault:
    words = f"words, hint: [1700000000], from ip: 1.2.3.4, more info at https://open.work.weixin.qq.com/query?e={code}"
    return Fault(action="reply", body=json.dumps({"errcode": code, "errmsg": words}))


def plain(status: int, words: str) -> Fault:
    return Fault(action="reply", status=status, body=words)


def html(status: int) -> Fault:
    return Fault(action="html", status=status)


RESET = Fault(action="accept_then_reset")
HANG = Fault(action="accept_then_hang", seconds=3.0)
CUT = Fault(action="refuse")

OUT_OF_SCOPE = "this channel is not built yet"
ROWS: dict[str, str] = {
    "reaction Slack: invalid_auth not_authed account_inactive token_revoked token_expired": "",
    "reaction Slack: missing_scope not_in_channel channel_not_found is_archived restricted_action": "",
    "reaction Slack: ratelimited rate_limited 429": "",
    "reaction Slack: msg_too_long msg_blocks_too_long invalid_blocks invalid_blocks_format": "",
    "reaction Slack: too_many_attachments no_text": "",
    "reaction Slack: message_not_found cant_update_message edit_window_closed": "",
    "reaction Slack: fatal_error internal_error service_unavailable request_timeout 5xx": "",
    "reaction Slack webhook: no_service action_prohibited channel_is_archived": "",
    "reaction Slack webhook: invalid_payload": "",
    "reaction WeCom: -1": "",
    "reaction WeCom: 45009": "",
    "reaction WeCom: 45033": "",
    "reaction WeCom: 40058 45002": "",
    "reaction WeCom: 45001": "",
    "reaction WeCom: 40008 44004": "",
    "reaction WeCom robot: 93000 93004 93008": "",
    "reaction WeCom app: 40014 41001 42001": OUT_OF_SCOPE,
    "reaction WeCom app: 40001": OUT_OF_SCOPE,
    "reaction WeCom app: 40013 40056 48002 301002 60011 60020 81013": OUT_OF_SCOPE,
    "reaction WeCom app: some receivers invalid": OUT_OF_SCOPE,
    "reaction WeCom smart bot: disconnected": OUT_OF_SCOPE,
    "reaction DingTalk: 130101": OUT_OF_SCOPE,
    "reaction DingTalk: 310000": OUT_OF_SCOPE,
    "reaction Feishu: 11232": OUT_OF_SCOPE,
    "reaction Feishu: 9499": OUT_OF_SCOPE,
    "reaction Feishu: 19021 19022 19024": OUT_OF_SCOPE,
    "reaction webhook: 408 429 5xx 410": OUT_OF_SCOPE,
    "reaction e-mail: 4xx 5xx 535": OUT_OF_SCOPE,
    "fault: 429 with Retry-After": "",
    "fault: 45009": "",
    "fault: 130101": OUT_OF_SCOPE,
    "fault: timeout or reset after the body": "",
    "fault: refused, no name, no TLS": "",
    "fault: 5xx, -1, 200 without JSON": "",
    "fault: token, webhook or robot is gone": "",
    "fault: token expired": "a Slack bot's token needs a person (broken, above); no other channel has tokens yet",
    "fault: wrong WeCom secret": OUT_OF_SCOPE,
    "fault: too long, invalid blocks": "",
    "fault: some receivers or channels fail": "",
    "fault: burst": "",
    "fault: crash between send and commit": "",
    "fault: stale": "",
    "fault: all channels dead": "",
}
"""Every row; a text says why it is not played here."""

OWN_TESTS: dict[str, tuple[str, ...]] = {
    "fault: 429 with Retry-After": ("test_a_hold_is_of_one_channel_and_the_others_run_on",),
    "fault: 45009": ("test_a_held_robot_goes_on_in_order_of_severity",),
    "fault: refused, no name, no TLS": ("test_what_never_reached_the_channel_is_a_plain_retry",),
    "fault: token, webhook or robot is gone": (
        "test_a_broken_channel_is_not_called_until_a_test_succeeds_and_then_tells_what_it_kept",
    ),
    "fault: some receivers or channels fail": ("test_one_channel_s_fault_neither_blocks_nor_hides_another",),
    "fault: burst": ("test_a_thousand_incidents_in_one_tick",),
    "fault: crash between send and commit": (
        "test_a_crash_between_the_answer_and_our_commit_repeats_at_most_once_marked",
        "test_a_crash_in_a_digest_is_looked_into_once_for_all_its_parts",
    ),
    "fault: stale": ("test_what_is_over_is_not_told_late", "test_a_late_message_says_so"),
    "fault: all channels dead": ("test_with_every_channel_dead_the_health_is_red_and_says_so",),
}
"""Rows that need more than one message or channel: the tests that play them."""

_AUTH, _PLACE, _RATE, _LONG, _PARTS, _GONE, _SICK = (key for key in ROWS if key.startswith("reaction Slack:"))
_HOOK_GONE, _HOOK_FORM = (key for key in ROWS if key.startswith("reaction Slack webhook:"))
_BUSY, _OFTEN, _CROWDED, _BYTES, _MEDIA, _OURS = (key for key in ROWS if key.startswith("reaction WeCom:"))
_ROBOT = "reaction WeCom robot: 93000 93004 93008"
_LOST, _FAILED = "fault: timeout or reset after the body", "fault: 5xx, -1, 200 without JSON"

DEAD = Seen(calls=1, accepted=0, end=BROKEN, channel="broken", stand_in=True, hint="notify test pr")
SOON: Wait = (0.5, 4.0)
LATER: tuple[Wait, ...] = (SOON, (0.5, 8.0), (0.5, 16.0), (0.5, 32.0))
LOOK: Wait = (5.0, 5.0)
TWICE = Seen(calls=2, accepted=2, waits=(LOOK,), repeat=True)
UNKNOWN = replace(TWICE, end=DROPPED, stand_in=True)


def form(refusals: int, *, degrade: int | None = None) -> Seen:
    given_up = Seen(calls=3, accepted=0, end=DROPPED, degrade=2, stand_in=True)
    return given_up if refusals > 2 else Seen(calls=refusals + 1, end=DEGRADED, degrade=degrade or refusals)


def held(least: float, most: float) -> Seen:
    return Seen(calls=2, channel="held", waits=((least, most),), hint="")


def again(times: int = 1) -> Seen:
    return Seen(calls=times + 1, waits=LATER[:times])


def words(row: str) -> list[str]:
    return row.partition(": ")[2].split()


def _slack_cases() -> list[Case]:
    def case(row: str, signal: str, *faults: Fault, seen: Seen, **more: Any) -> Case:
        return Case(row=row, signal=signal, channel="slack", faults=faults, seen=seen, **more)

    cases = [case(row, error, slack(error), seen=DEAD) for row in (_AUTH, _PLACE) for error in words(row)]
    for row in (_LONG, _PARTS):
        for error in words(row):
            cases += [case(row, f"{error} ×{n}", *[slack(error)] * n, seen=form(n)) for n in (1, 2, 3)]
    for error in words(_GONE):
        fresh = Seen(calls=2)
        cases.append(case(_GONE, f"{error} in a thread", slack(error), seen=fresh, in_thread=True))
        cases.append(case(_GONE, f"{error} without one", slack(error), seen=again()))
    asked = replace(again(), waits=(LOOK,))
    marked = Seen(calls=4, waits=(LOOK, (0.5, 8.0), (0.5, 16.0)), repeat=True)
    for signal, fault in {
        "fatal_error": slack("fatal_error"),
        "internal_error": slack("internal_error", 500),
        **{f"{status} with a page": html(status) for status in (500, 502, 504)},
    }.items():
        cases.append(case(_SICK, signal, fault, seen=asked))
        cases.append(case(_SICK, f"{signal} ×3, unable to look", *[fault] * 3, seen=marked, blind=True))
    for signal, fault in {
        "service_unavailable": slack("service_unavailable"),
        "request_timeout": slack("request_timeout"),
        "503 with a page": html(503),
    }.items():
        cases += [case(_SICK, f"{signal} ×{n}", *[fault] * n, seen=again(n)) for n in (1, 3)]
    return [
        *cases,
        case(_RATE, "429, Retry-After 12", slack("ratelimited", 429, **{"Retry-After": "12"}), seen=held(12, 14.2)),
        case(_RATE, "429, no word", Fault(action="reply", status=429), seen=held(30, 34)),
        case(_RATE, "ratelimited with 200", slack("ratelimited", **{"retry-after": "7"}), seen=held(7, 8.7)),
        case(_RATE, "rate_limited with 200", slack("rate_limited"), seen=held(30, 34)),
        case(_LOST, "reset, arrived", RESET, seen=Seen(calls=1, waits=(LOOK,))),
        case(_LOST, "no answer in time, arrived", HANG, seen=Seen(calls=1, waits=(LOOK,))),
        case(_LOST, "cut, not arrived", CUT, seen=asked),
        case(_LOST, "reset in a thread, arrived", RESET, seen=Seen(calls=1, waits=(LOOK,)), in_thread=True),
        case(_LOST, "reset, unable to look", RESET, seen=TWICE, blind=True),
        case(_LOST, "reset twice, unable to look", RESET, RESET, seen=UNKNOWN, blind=True),
        *(
            case(_LOST, f"reset, search {name}", RESET, search=(fault,), seen=Seen(calls=1, waits=(LOOK, wait)))
            for name, fault, wait in (
                ("limited", slack("ratelimited", 429, **{"Retry-After": "20"}), (20.0, 20.0)),
                ("down", html(503), LOOK),
                ("cut", CUT, LOOK),
            )
        ),
        case(_FAILED, "200 with a page", html(200), html(200), seen=again(2)),
    ]  # fmt: skip


def _webhook_cases() -> list[Case]:
    def case(row: str, signal: str, *faults: Fault, seen: Seen) -> Case:
        return Case(row=row, signal=signal, channel="slack_webhook", faults=faults, seen=seen)

    gone = {404: "no_service", 403: "action_prohibited", 410: "channel_is_archived"}
    return [
        *(case(_HOOK_GONE, word, plain(status, word), seen=DEAD) for status, word in gone.items()),
        *(case(_HOOK_FORM, f"×{n}", *[plain(400, "invalid_payload")] * n, seen=form(n)) for n in (1, 2, 3)),
        case(_RATE, "429", Fault(action="reply", status=429, headers={"Retry-After": "7"}), seen=held(7, 8.7)),
        case(_LOST, "reset", RESET, seen=TWICE),
        case(_LOST, "reset twice", RESET, RESET, seen=UNKNOWN),
        case(_FAILED, "500", plain(500, "rollback_error"), seen=Seen(calls=2, waits=(LOOK,), repeat=True)),
        case(_FAILED, "200 with a page", html(200), seen=again()),
        case(_FAILED, "redirect", Fault(action="reply", status=301, headers={"Location": "/x"}), seen=again()),
    ]


def _wecom_cases() -> list[Case]:
    def case(row: str, signal: str, *faults: Fault, seen: Seen) -> Case:
        return Case(row=row, signal=signal, channel="wecom_robot", faults=faults, seen=seen)

    busy = Seen(calls=5, waits=((1.0, 1.0), (1.0, 1.0), (0.5, 16.0), (0.5, 32.0)))
    loud = "refused for its form channel=wecom_robot"
    return [
        case(_BUSY, "-1 ×4", *[wecom(-1)] * 4, seen=busy),
        case(_OFTEN, "45009", wecom(45009), seen=replace(held(60, 67), hint="无需处理")),
        case(_CROWDED, "45033 ×4", *[wecom(45033)] * 4, seen=again(4)),
        *(
            case(_BYTES, f"{code} ×{n}", *[wecom(code)] * n, seen=form(n))
            for code in (40058, 45002)
            for n in (1, 2, 3)
        ),
        case(_MEDIA, "45001", wecom(45001), seen=form(1, degrade=2)),
        *(
            case(_OURS, str(code), wecom(code), seen=replace(form(1, degrade=2), log=f"{loud} errcode={code}"))
            for code in (40008, 44004)
        ),
        *(case(_ROBOT, code, wecom(int(code)), seen=DEAD) for code in words(_ROBOT)),
        case(_LOST, "reset", RESET, seen=TWICE),
        case(_LOST, "no answer in time", HANG, seen=TWICE),
        case(_LOST, "reset twice", RESET, RESET, seen=UNKNOWN),
        *(
            case(_FAILED, name, fault, seen=again())
            for name, fault in {
                "502 with a page": html(502),
                "200 with a page": html(200),
                "errcode is a text": plain(200, '{"errcode":"0"}'),
                "another's success": plain(200, '{"ok":true}'),
            }.items()
        ),
    ]  # fmt: skip


CASES: tuple[Case, ...] = (
    *_slack_cases(),
    *_webhook_cases(),
    *_wecom_cases(),
    *(
        replace(case, row="fault: too long, invalid blocks")
        for case in (*_slack_cases(), *_wecom_cases())
        if case.signal in ("msg_blocks_too_long ×2", "40058 ×2")
    ),
)
