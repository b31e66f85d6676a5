from dataclasses import replace
from datetime import timedelta
from typing import Any

from config.settings import ReceiverSettings, RouteSettings
from domain.clock import ManualClock
from domain.incident import DeliveryState
from service.channels import channel_lines
from service.status import Reading, Status
from storage.state.figures import ChannelFigures
from tests.service.scene import NOW, SETTINGS, figures, role, source
from tests.storage.desk_sample import delivery, with_state

RECEIVERS = (
    ReceiverSettings(name="pr", channels=(("slack", object()), ("wecom_robot", object())), fallback="spare"),
    ReceiverSettings(name="spare", channels=(("slack", object()),)),
)
S = DeliveryState


def lines(**channels: ChannelFigures) -> dict[str, dict[str, Any]]:
    settings = replace(SETTINGS, receivers=RECEIVERS, routes=(RouteSettings(to="pr"),))
    found = channel_lines(settings, {tuple(key.split("__")): one for key, one in channels.items()}, NOW)  # type: ignore[misc]
    return {f"{line['receiver']}/{line['channel']}": line for line in found}


def test_a_line_for_every_configured_channel_also_before_the_first_message() -> None:
    told = lines()
    assert {name: line["state"] for name, line in told.items()} == {
        "pr/slack": "ok",
        "pr/wecom_robot": "ok",
        "spare/slack": "standby",
    }
    assert told["pr/slack"]["last_accepted_at"] is None and told["pr/slack"]["pending"] == 0


def test_a_broken_channel_says_since_when_why_and_what_to_do() -> None:
    accepted = with_state(delivery(1), S.DELIVERED, sent_at=NOW - timedelta(hours=2))
    broken = with_state(delivery(2), S.BROKEN, answer="invalid_auth")
    since = NOW - timedelta(minutes=30)
    line = lines(
        pr__slack=ChannelFigures(
            states={"broken": 2, "delivered": 1, "pending": 3},
            oldest_waiting_at=NOW - timedelta(minutes=3),
            last_accepted=accepted,
            last_broken=broken,
            broken_since=since,
        )
    )["pr/slack"]
    assert (line["state"], line["ok"], line["since"]) == ("broken", False, since.isoformat())
    assert line["why"] == "invalid_auth" and "bot token" in line["fix"]
    assert line["last_accepted_at"] == (NOW - timedelta(hours=2)).isoformat()
    assert (line["pending"], line["oldest_pending_s"]) == (3, 180)


def test_a_held_channel_is_well_and_says_that_it_waits() -> None:
    held = with_state(delivery(1), S.HELD, answer="held: 45009", not_before=NOW + timedelta(minutes=1))
    one = ChannelFigures(states={"held": 1}, oldest_waiting_at=NOW, last_held=held)
    line = lines(pr__wecom_robot=one)["pr/wecom_robot"]
    assert (line["state"], line["ok"]) == ("held", True)
    over = replace(one, last_held=with_state(held, S.HELD, not_before=NOW))
    assert lines(pr__wecom_robot=over)["pr/wecom_robot"]["state"] == "ok"


def reading() -> Reading:
    told = figures(inbox_rows=3, inbox_oldest_at=NOW - timedelta(seconds=30))
    return Reading(figures=told, sources=(source("a"),), visits={})


def test_the_view_names_what_is_wrong_and_keeps_the_last_figures() -> None:
    now, failing = [0.0], []

    def read() -> Reading:
        if failing:
            raise OSError("password=geheim")
        return reading()

    status = Status(SETTINGS, ManualClock(NOW), lambda: [role("crawl")], read, monotonic=lambda: now[0])
    view = status.health()
    assert (view["ok"], view["problems"], view["inbox"], view["inbox_oldest_s"]) == (True, [], 3, 30)
    failing.append(True)
    now[0] = 20.0
    later = status.health()
    assert (later["ok"], later["stale_s"], later["inbox"]) == (True, 20.0, 3)
    now[0] = 31.0
    old: Any = status.health()
    assert not old["ok"] and old["problems"][0]["code"] == "store_silent" and "geheim" not in str(old)


def test_the_process_is_alive_while_its_loop_turns() -> None:
    now = [0.0]
    status = Status(SETTINGS, ManualClock(NOW), list, reading, monotonic=lambda: now[0])
    assert status.live()["ok"]
    now[0] = 61.0
    assert not status.live()["ok"]
    status.turn()
    assert status.live()["ok"] and status.live()["up_s"] == 61
