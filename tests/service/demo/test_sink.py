"""The sink refuses what the real services refuse; otherwise the tests that use it would prove nothing."""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from service.demo import sink as sink_module
from service.demo.sink import DEMO_CHANNEL, DEMO_KEY, DEMO_TOKEN, DEMO_WEBHOOK, Fault, Sink, serve
from service.demo.sink_page import readable
from service.demo.sink_render import html_of, mrkdwn_lines, plain_of, wecom_lines
from service.demo.sink_slack import message_error

HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))
HEADER = {"type": "header", "text": {"type": "plain_text", "text": "x"}}


class Tick:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def tick() -> Tick:
    return Tick()


@pytest.fixture
def sink(tick: Tick) -> Iterator[Sink]:
    with serve(Sink(tick=tick, wall=tick)) as one:
        yield one


def ask(url: str, body: Any = None, *, token: str = DEMO_TOKEN, **headers: str) -> tuple[int, str, Any]:
    raw = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"} | headers
    try:
        with HTTP.open(urllib.request.Request(url, data=raw, headers=given), timeout=5) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as err:
        with err:
            return err.code, err.read().decode(), err.headers


def slack(sink: Sink, method: str, body: Any, **more: Any) -> dict[str, Any]:
    return json.loads(ask(sink.slack_base_url + method, body, **more)[1])


def wecom(sink: Sink, body: Any, key: str = DEMO_KEY) -> int:
    status, text, _ = ask(f"{sink.url}/cgi-bin/webhook/send?key={key}", body)
    assert status == 200, "WeCom says everything with HTTP 200"
    return json.loads(text)["errcode"]


@pytest.mark.parametrize(
    ("token", "error"), [("", "not_authed"), ("xoxb-revoked", "token_revoked"), ("xoxb-other", "invalid_auth")]
)
def test_slack_checks_the_bearer(sink: Sink, token: str, error: str) -> None:
    assert slack(sink, "auth.test", {}, token=token) == {"ok": False, "error": error}


def test_slack_checks_channel_scope_and_method(sink: Sink) -> None:
    post = {"channel": DEMO_CHANNEL, "text": "x"}
    assert slack(sink, "auth.test", {})["ok"] is True
    assert slack(sink, "chat.nothing", {})["error"] == "unknown_method"
    assert slack(sink, "chat.postMessage", {"channel": "C404", "text": "x"})["error"] == "channel_not_found"
    sink.slack.strangers.add("C2")
    sink.slack.archived.add("C3")
    assert slack(sink, "chat.postMessage", post | {"channel": "C2"})["error"] == "not_in_channel"
    assert slack(sink, "chat.postMessage", post | {"channel": "C3"})["error"] == "is_archived"
    assert slack(sink, "chat.postMessage", post | {"thread_ts": "1.2"})["error"] == "thread_not_found"
    sink.slack.scopes.clear()
    assert slack(sink, "chat.postMessage", post) == {"ok": False, "error": "missing_scope", "needed": "chat:write"}
    assert slack(sink, "conversations.history", {"channel": DEMO_CHANNEL})["error"] == "missing_scope"
    assert not sink.ledger.posted


def section(size: int) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": "x" * size}}


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "no_text"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"text": "x", "blocks": "{"}, "invalid_blocks_format"),
        ({"text": "x", "blocks": {}}, "invalid_blocks_format"),
        ({"text": "x", "blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
        ({"text": "x", "blocks": [{"type": "unknown"}]}, "invalid_blocks"),
        ({"text": "x", "blocks": [HEADER | {"block_id": "x" * 256}]}, "invalid_blocks"),
        (
            {"text": "x", "blocks": [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]},
            "invalid_blocks",
        ),
        ({"text": "x", "blocks": [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}]}, "invalid_blocks"),
        ({"text": "x", "blocks": [section(3_001)]}, "invalid_blocks"),
        ({"text": "x", "blocks": [section(0)]}, "invalid_blocks"),
        ({"text": "x", "blocks": [{"type": "section"}]}, "invalid_blocks"),
        ({"text": "x", "blocks": [{"type": "section", "fields": [section(1)["text"]] * 11}]}, "invalid_blocks"),
        ({"text": "x", "blocks": [{"type": "context", "elements": []}]}, "invalid_blocks"),
        ({"text": "x", "blocks": [{"type": "context", "elements": [section(1)["text"]] * 11}]}, "invalid_blocks"),
        ({"text": "x", "blocks": [{"type": "actions", "elements": [{"type": "button"}]}]}, "invalid_blocks"),
        ({"text": "x", "blocks": [section(2_900)] * 5}, "msg_blocks_too_long"),
        ({"text": "x", "metadata": "m"}, "invalid_metadata_format"),
        ({"text": "x", "blocks": json.dumps([HEADER, section(5)])}, ""),
        (
            {
                "blocks": [
                    {
                        "type": "actions",
                        "elements": [
                            {"type": "button", "text": {"type": "plain_text", "text": "ok"}, "url": "https://x/"}
                        ],
                    }
                ]
            },
            "",
        ),
    ],
)
def test_slack_keeps_its_limits(body: dict[str, Any], error: str) -> None:
    assert message_error(body) == error


def test_slack_bears_three_at_once_and_one_a_second(sink: Sink, tick: Tick) -> None:
    post = {"channel": DEMO_CHANNEL, "text": "x"}
    assert [slack(sink, "chat.postMessage", post)["ok"] for _ in range(3)] == [True] * 3
    status, text, headers = ask(sink.slack_base_url + "chat.postMessage", post)
    assert (status, headers["Retry-After"], json.loads(text)["error"]) == (429, "1", "ratelimited")
    tick.now += 1
    assert slack(sink, "chat.postMessage", post)["ok"] is True


def test_slack_keeps_threads_history_and_updates(sink: Sink) -> None:
    metadata = {"event_type": "e", "event_payload": {"delivery_id": "d1"}}
    root = slack(sink, "chat.postMessage", {"channel": DEMO_CHANNEL, "text": "root", "metadata": metadata})["ts"]
    slack(sink, "chat.postMessage", {"channel": DEMO_CHANNEL, "text": "reply", "thread_ts": root})
    url = f"{sink.slack_base_url}conversations.history?channel={DEMO_CHANNEL}"
    assert [one["text"] for one in json.loads(ask(url)[1])["messages"]] == ["root"]
    assert "metadata" not in json.loads(ask(url)[1])["messages"][0]
    assert json.loads(ask(url + "&include_all_metadata=1")[1])["messages"][0]["metadata"] == metadata
    replies = slack(sink, "conversations.replies", {"channel": DEMO_CHANNEL, "ts": root})["messages"]
    assert [one["text"] for one in replies] == ["root", "reply"]
    assert slack(sink, "conversations.replies", {"channel": DEMO_CHANNEL, "ts": "9"})["error"] == "thread_not_found"
    form = f"channel={DEMO_CHANNEL}&ts={root}&text=new".encode()
    answer = slack(sink, "chat.update", form, **{"Content-Type": "application/x-www-form-urlencoded"})
    assert answer["text"] == "new"
    assert slack(sink, "chat.update", {"channel": DEMO_CHANNEL, "ts": "9", "text": "x"})["error"] == "message_not_found"
    assert slack(sink, "chat.update", {"channel": "C404", "ts": root, "text": "x"})["error"] == "channel_not_found"


def test_slack_changes_only_its_own_messages_and_the_ledger_shows_what_stands_there(sink: Sink) -> None:
    foreign = sink.slack.say(DEMO_CHANNEL, "早")
    change = {"channel": DEMO_CHANNEL, "ts": foreign, "text": "x"}
    assert slack(sink, "chat.update", change)["error"] == "cant_update_message"
    own = slack(sink, "chat.postMessage", {"channel": DEMO_CHANNEL, "text": "old", "thread_ts": foreign})["ts"]
    assert slack(sink, "chat.update", change | {"ts": own, "text": "new"})["ok"] is True
    (row,) = json.loads(ask(sink.url + "/ledger.json")[1])
    assert (row["text"], row["thread_ts"], row["ts"], row["edits"]) == ("new", foreign, own, 1)
    assert sink.ledger.revision == 2


def test_the_log_keeps_every_request_as_it_came_without_secrets(sink: Sink, tick: Tick) -> None:
    tick.now = 7.0
    slack(sink, "chat.postMessage", {"channel": DEMO_CHANNEL})
    wecom(sink, {"msgtype": "text"}, key="very-secret-key")
    ask(sink.url + DEMO_WEBHOOK, b"{")
    first, second, third = sink.ledger.requests
    assert (first.at, first.route, first.path, first.raw) == (
        7.0,
        "slack.post",
        "/api/chat.postMessage",
        b'{"channel": "C0TINGFENG"}',
    )
    assert (second.path, third.path, third.raw) == ("/cgi-bin/webhook/send?key=***", "/services/***", b"{")
    assert first.headers["authorization"] == "***" and first.headers["content-type"] == "application/json"
    assert DEMO_TOKEN not in repr(sink.ledger.requests) and "very-secret-key" not in repr(sink.ledger.requests)


def test_webhooks_answer_in_plain_text(sink: Sink) -> None:
    assert ask(sink.url + "/services/T/B/other", {"text": "x"})[:2] == (404, "no_service")
    assert ask(sink.url + DEMO_WEBHOOK, b"{")[:2] == (400, "invalid_payload")
    assert [ask(sink.url + DEMO_WEBHOOK, {"text": "x"})[:2] for _ in range(3)] == [(200, "ok")] * 3
    assert ask(sink.url + DEMO_WEBHOOK, {"text": "x"})[0] == 429


PNG = b"\x89PNG\r\n\x1a\n"


def picture(raw: bytes, md5: str = "") -> dict[str, Any]:
    proof = md5 or hashlib.md5(raw, usedforsecurity=False).hexdigest()
    return {"msgtype": "image", "image": {"base64": base64.b64encode(raw).decode(), "md5": proof}}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"msgtype": "markdown", "markdown": {"content": "中" * 1_365}}, 0),
        ({"msgtype": "markdown", "markdown": {"content": "中" * 1_366}}, 40058),
        ({"msgtype": "text", "text": {"content": "x" * 2_049}}, 40058),
        ({"msgtype": "text", "text": {"content": "x", "mentioned_list": "@all"}}, 40058),
        ({"msgtype": "text", "text": {"content": " "}}, 44004),
        ({"msgtype": "text"}, 44004),
        ({"msgtype": "card"}, 40008),
        ({"msgtype": ["text"]}, 40008),
        (picture(PNG), 0),
        (picture(b"\xff\xd8\xff" + b"x" * 2 * 1024 * 1024), 45001),
        (picture(PNG, md5="0" * 32), 40058),
        (picture(b"GIF89a"), 40058),
        ({"msgtype": "image", "image": {"base64": "?"}}, 40058),
        ({"msgtype": "image", "image": "x"}, 44004),
        (b"{", 40058),
        (b"[]", 40058),
    ],
)
def test_wecom_keeps_its_limits(sink: Sink, body: Any, code: int) -> None:
    assert wecom(sink, body) == code


def test_wecom_knows_its_robots_and_twenty_a_minute(sink: Sink, tick: Tick) -> None:
    text = {"msgtype": "text", "text": {"content": "x"}}
    assert wecom(sink, text, key="other") == 93000
    sink.wecom.disabled.add(DEMO_KEY)
    assert wecom(sink, text) == 93004
    sink.wecom.disabled.clear()
    sink.wecom.strangers.add(DEMO_KEY)
    assert wecom(sink, text) == 93008
    sink.wecom.strangers.clear()
    assert [wecom(sink, text) for _ in range(21)] == [0] * 20 + [45009]
    tick.now += 60
    assert wecom(sink, text) == 0


def test_faults_can_be_scripted_from_outside(sink: Sink) -> None:
    text = {"msgtype": "text", "text": {"content": "x"}}
    fault = {"route": "wecom.send", "action": "reply", "status": 503, "body": "<html>"}
    assert ask(sink.url + "/faults.json", fault)[0] == 200
    assert ask(f"{sink.url}/cgi-bin/webhook/send?key={DEMO_KEY}", text)[:2] == (503, "<html>")
    assert wecom(sink, text) == 0
    sink.ledger.script("wecom.send", Fault(action="html", status=502))
    status, page, headers = ask(f"{sink.url}/cgi-bin/webhook/send?key={DEMO_KEY}", text)
    assert (status, headers["Content-Type"].split(";")[0], "<title>" in page) == (502, "text/html", True)
    assert ask(sink.url + "/faults.json", {"action": "reply"})[0] == 400
    assert ask(sink.url + "/faults.json", {"route": "x", "speed": 1})[0] == 400


def test_a_delay_is_only_late_and_a_refusal_is_no_answer(sink: Sink) -> None:
    text = {"msgtype": "text", "text": {"content": "x"}}
    sink.ledger.script("wecom.send", Fault(action="delay", seconds=0.01), Fault(action="refuse"))
    assert wecom(sink, text) == 0
    with pytest.raises((OSError, http.client.HTTPException)):
        wecom(sink, text)
    assert len(sink.ledger.posted) == 1


def test_the_page_shows_messages_escaped_and_runs_nothing_foreign(sink: Sink) -> None:
    evil = "<script>alert(1)</script><@U1> [x](javascript:alert(1)) \"'&"
    wecom(sink, {"msgtype": "markdown", "markdown": {"content": f"**{evil}**\n> {evil}\n## {evil}"}})
    wecom(sink, {"msgtype": "text", "text": {"content": evil}})
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": evil}},
        {"type": "divider"},
        {"type": "section", "text": {"type": "mrkdwn", "text": f"<!channel> <javascript:alert(1)|x> {evil}"}},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": evil}]},
    ]
    slack(sink, "chat.postMessage", {"channel": DEMO_CHANNEL, "text": evil, "blocks": blocks})
    slack(sink, "chat.postMessage", {"channel": DEMO_CHANNEL, "text": evil})
    _, page, headers = ask(sink.url + "/")
    assert "<script>alert" not in page and 'href="javascript' not in page
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert page.count('<article class="card">') == 4
    assert ask(sink.url + f"/feed?revision={sink.ledger.revision}")[0] == 204
    assert ask(sink.url + "/feed?revision=0")[0] == 200
    assert "grid" in ask(sink.url + "/sink.css")[1]
    assert "fetch" in ask(sink.url + "/sink.js")[1]


def test_an_empty_page_says_so(sink: Sink) -> None:
    assert ask(sink.url + "/")[1].count("还没有消息") == 2


def test_foreign_names_for_this_machine_are_refused(sink: Sink) -> None:
    assert ask(sink.url + "/", None, Host="evil.example")[0] == 403
    assert ask(sink.url + "/", None, Host=f"localhost:{sink.port}")[0] == 200


def test_the_ledger_lists_what_a_reader_sees(sink: Sink) -> None:
    wecom(sink, {"msgtype": "markdown", "markdown": {"content": '**<font color="info">好</font>**\n> [a](https://x/)'}})
    wecom(sink, {"msgtype": "text", "text": {"content": "文"}})
    blocks = [HEADER, section(1), {"type": "context", "elements": [{"type": "mrkdwn", "text": "&lt;c&gt;"}]}]
    slack(sink, "chat.postMessage", {"channel": DEMO_CHANNEL, "text": "头", "blocks": blocks})
    rows = json.loads(ask(sink.url + "/ledger.json")[1])
    assert [(row["channel"], row["text"]) for row in rows] == [
        ("wecom_robot", "好\na"),
        ("wecom_robot", "文"),
        ("slack", "头\nx\n<c>"),
    ]
    assert readable(sink.ledger.posted[0]) == "好\na"


def test_marks_are_rendered() -> None:
    line = wecom_lines('# a **b** `c` <font color="warning">d</font> <@u> [e](https://x/?a=1&b=2)')
    assert plain_of(line) == "a b c d @u e"
    assert '<a href="https://x/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer">e</a>' in html_of(line)
    assert [span.kind for span in mrkdwn_lines("*a* <@U1> <#C1|x> <https://x/|l>")[0] if span.text.strip()] == [
        "text", "mention", "mention", "link",
    ]  # fmt: skip


def test_the_process_says_where_it_listens_and_ends_with_its_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert sink_module.main(["--port", "0"]) == 0
    assert json.loads(capsys.readouterr().out)["url"].startswith("http://127.0.0.1:")
    assert sink_module.main(["--port", str(sink.port)]) == 1
    assert f"port {sink.port}" in capsys.readouterr().err
