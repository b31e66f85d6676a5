"""Logs: one line an event, bounded, nothing secret, every held line counted."""

import json
import logging
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from config.settings import Settings, StorageSettings
from domain.secret import Secret
from service.log_limit import LogLimit
from service.logs import configure_logging, hide_secrets, take_suppressed
from tests.logs import kept_logging
from tests.service.scene import SETTINGS

Said = Callable[[], list[str]]
NASTY = "\n\r\x1b[31m\u202e\u2028\x00\x85\ud800 2026-06-20 ERROR root forged key=abcdef123456"


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Iterator[Said]:
    """Give the lines that were logged since the last call; afterwards logging is as it was."""
    with kept_logging():
        yield lambda: capsys.readouterr().err.splitlines()
        hide_secrets(replace(SETTINGS, storage=StorageSettings(state=Secret("nothing to hide here"))))


@pytest.fixture
def log() -> logging.Logger:
    return logging.getLogger("alerts.test")


def test_a_hostile_text_stays_on_one_line_in_both_forms(
    said: Said, log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure_logging("watch")
    log.warning("mention refused mention=%s error=%s", "weibo:1", NASTY)
    (line,) = said()
    assert "watch alerts.test mention refused mention=weibo:1 error=\\n\\r[31m\\n\\n" in line
    monkeypatch.setenv("TINGFENG_LOG_FORMAT", "json")
    configure_logging("watch")
    log.warning("mention refused mention=%s error=%s", "weibo:1", NASTY)
    (raw,) = said()
    for text in (line, raw):
        assert not any(sign in text for sign in "\x1b\u202e\u2028\x00\x85\ud800") and "abcdef123456" not in text


def test_a_line_of_json_has_event_ids_values_and_error(
    said: Said, log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINGFENG_LOG_FORMAT", "json")
    configure_logging("watch")
    log.error(
        "delivery failed delivery=%s incident=%s channel=%s error=%s",
        "d1",
        "AB2CD",
        "slack",
        "no source=x",
        exc_info=True,
    )
    log.info("100%% of %d read source=%s", 7, "新浪")
    log.info("plain words %s")
    first, second, third = (json.loads(line) for line in said())
    assert first["event"] == "delivery failed" and first["delivery"] == "d1" and first["incident"] == "AB2CD"
    assert first["values"] == {"channel": "slack"} and first["error"] == "no source=x" and "source" not in first
    assert first["level"] == "ERROR" and first["role"] == "watch" and first["time"].endswith("Z")
    assert second["event"] == "100% of 7 read" and second["source"] == "新浪" and "values" not in second
    assert third["message"] == "plain words %s"


def test_an_exception_is_one_line_with_the_end_of_its_trace(said: Said, log: logging.Logger) -> None:
    configure_logging("crawl")
    hide_secrets(
        Settings(path=SETTINGS.path, data_dir=SETTINGS.data_dir, storage=StorageSettings(state=Secret("geheimes")))
    )
    try:
        raise ValueError("first\nsecond geheimes " + "x" * 9_000)
    except ValueError:
        log.exception("visit crashed source=%s", "a")
    (line,) = said()
    assert "visit crashed source=a trace=Traceback …" in line and "geheimes" not in line and len(line) < 4_000


def test_wrong_arguments_of_another_cost_no_line(said: Said, log: logging.Logger) -> None:
    configure_logging("crawl")
    log.warning("two %s %s", "one")
    assert "two %s %s ('one',)" in said()[0]


SECRETS = [
    "https://user:pa55word@host/x",
    "https://hooks.slack.com/services/T000/B000/XXXXXX",
    "Authorization: Bearer abcdefghijkl",
    "Bearer abcdefghijkl.mnop",
    "?access_token=abcdefgh",
    "Cookie: SUB=abcdefgh; other=1",
    "xoxb-12-abcdefgh",
    "password=pa55word",
    "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6-7abc-4bc4-97a0-0ec20cfa5aaa",
]


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_looks_like_a_secret_is_masked(
    said: Said, log: logging.Logger, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINGFENG_LOG_FORMAT", form)
    configure_logging("x")
    for number, secret in enumerate(SECRETS):
        log.warning("sent n=%d to=%s", number, secret)
    lines = said()
    assert len(lines) == len(SECRETS) and all("***" in line for line in lines)
    for part in ("pa55word", "XXXXXX", "abcdefgh", "693a91f6"):
        assert not any(part in line for line in lines)


def test_a_secret_of_the_settings_is_masked_wherever_it_stands(said: Said, log: logging.Logger) -> None:
    configure_logging("x")
    secret = 'sch"lüssel\nzwei'
    hide_secrets(replace(SETTINGS, storage=StorageSettings(elasticsearch_password=Secret(secret))))
    log.warning("store said %s", f"bad login tingfeng:{secret}!")
    assert "bad login tingfeng:***!" in said()[0]


@pytest.mark.slow
def test_a_hundred_thousand_hostile_lines_are_bounded_and_every_one_is_counted(said: Said) -> None:
    now = [0.0]
    configure_logging("crawl", limit=LogLimit(monotonic=lambda: now[0]))
    chance = random.Random(7)
    levels = {logging.INFO: 0, logging.WARNING: 0, logging.ERROR: 0}
    for number in range(100_000):
        level = chance.choice(list(levels))
        levels[level] += 1
        own = logging.getLogger(f"crawlers.{number % 7}")
        if number % 3 == 0:
            own.log(level, "visited source=%s detail=%s", chance.random(), NASTY * 50)
        elif number % 3 == 1:
            own.log(level, f"third party {chance.random()} {NASTY}")
        else:
            own.log(level, "the same again")
        now[0] += 0.0006  # the whole minute
    logging.getLogger().handlers[0].close()
    lines = said()
    assert len(lines) < 3_500 and sum(map(len, lines)) < 6_000_000
    told = dict.fromkeys(levels, 0)
    for line in lines:
        level = next(each for each in levels if f" {logging.getLevelName(each):<7} crawl " in line)
        told[level] += int(line.partition("suppressed lines=")[2].partition(" ")[0] or 1)
    assert told == levels
    assert sum(take_suppressed().values()) > 90_000


def test_the_same_line_is_written_thrice_and_its_count_once_the_minute_is_over(said: Said, log: logging.Logger) -> None:
    now = [0.0]
    configure_logging("watch", limit=LogLimit(monotonic=lambda: now[0]))
    for _ in range(50):
        log.error("store away error=%s", "refused")
    assert len(said()) == 3
    assert take_suppressed() == {"ERROR": 47} and take_suppressed() == {}
    now[0] = 60.0
    log.info("something else")
    summary, other = said()
    assert "ERROR   watch alerts.test suppressed lines=47 in_s=60 of=store away error=%s" in summary
    assert other.endswith("something else")
    log.error("store away error=%s", "refused")
    assert len(said()) == 1


def test_a_handler_that_was_replaced_tells_what_it_held_and_is_silent_from_then_on(
    said: Said, log: logging.Logger
) -> None:
    """A timer left behind wrote to a stream that was closed by then, from a thread of its own."""
    before = set(threading.enumerate())
    configure_logging("watch", limit=LogLimit(monotonic=lambda: 0.0))
    for _ in range(5):
        log.error("store away error=%s", "refused")
    waiting = [each for each in threading.enumerate() if isinstance(each, threading.Timer) and each not in before]
    assert len(waiting) == 1
    configure_logging("watch")
    assert "suppressed lines=2" in said()[-1]
    waiting[0].join(timeout=5)
    assert not waiting[0].is_alive()


def test_a_flood_of_warnings_hides_no_error(said: Said) -> None:
    configure_logging("watch", limit=LogLimit(monotonic=lambda: 0.0))
    for number in range(5_000):
        logging.getLogger(f"x.{number}").warning("warning %d", number)
    said()
    logging.getLogger("y").error("lost work")
    assert len(said()) == 1


def test_debug_is_for_people_who_asked_and_is_not_held(
    said: Said, log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINGFENG_LOG", "DEBUG")
    configure_logging("watch", limit=LogLimit(monotonic=lambda: 0.0))
    for _ in range(100):
        log.debug("each mention")
    assert len(said()) == 100


def test_what_ends_a_thread_is_one_line(said: Said) -> None:
    configure_logging("watch")

    def fails() -> None:
        raise ValueError("key=abcdef123456")

    thread = threading.Thread(target=fails, name="outbox")
    thread.start()
    thread.join()
    (line,) = said()
    assert "thread ended thread=outbox trace=" in line and "abcdef123456" not in line
