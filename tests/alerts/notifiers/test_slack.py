from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from slack_sdk.models.blocks import Block

from alerts.message import compose
from alerts.notifiers import notifier_specs
from alerts.notifiers.road import Road
from alerts.notifiers.slack import SPEC, SlackSettings
from alerts.notifiers.slack_block import BLOCKS_CHARS, blocks_of
from domain.errors import DomainError
from domain.outcome import DeliveryClass
from domain.secret import Secret
from service.demo.sink import DEMO_CHANNEL, Fault
from tests.alerts.kit import FULL, REPORTS, Stand, slack, standing


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with standing(tmp_path) as one:
        yield one


def test_channels_are_found_without_a_registry() -> None:
    assert {"slack", "wecom_robot"} <= set(notifier_specs())


def test_settings_need_a_token_with_a_channel_or_a_webhook() -> None:
    with pytest.raises(DomainError, match="channel"):
        SlackSettings(token=Secret("xoxb-1"))
    with pytest.raises(DomainError, match="webhook"):
        SlackSettings(channel="C1")
    with pytest.raises(DomainError, match="not SlackSettings"):
        SPEC.factory("nonsense", road=Road())


def test_targets_and_reprs_hide_secrets() -> None:
    hook = SlackSettings(webhook=Secret("https://hooks.slack.com/services/T1/B2/verysecret"))
    assert hook.target == "webhook T1/B2"
    assert SlackSettings(webhook=Secret("https://x/y")).target == "webhook ***"
    assert SlackSettings(token=Secret("xoxb-verysecret"), channel="C1").target == "C1"
    assert "verysecret" not in repr(hook)


@pytest.mark.parametrize("name", list(REPORTS))
@pytest.mark.parametrize("degrade", [0, 1])
def test_blocks_pass_the_checks_of_slacks_own_library(name: str, degrade: int) -> None:
    blocks = blocks_of(compose(REPORTS[name], "zh"), degrade)
    for block in Block.parse_all(blocks):
        block.to_dict()
    assert len(json.dumps(blocks, ensure_ascii=False)) <= BLOCKS_CHARS


def test_the_environments_proxies_are_ignored_unless_asked_for(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    row = stand.put(FULL)[0]
    message = compose(FULL, "zh")
    for proxy, verdict in ((None, DeliveryClass.OK), ("none", DeliveryClass.OK), ("env", DeliveryClass.TRANSIENT)):
        notifier = SPEC.factory(slack(stand.sink), road=Road(proxy=proxy))
        assert notifier.send(row, message, thread_ref="").verdict is verdict


def test_message_names_its_delivery_and_unfurls_nothing(stand: Stand) -> None:
    row = stand.put(FULL)[0]
    SPEC.factory(slack(stand.sink), road=Road()).send(row, compose(FULL, "zh"), thread_ref="")
    body = stand.sink.ledger.posted[0].body
    assert body["metadata"]["event_payload"] == {"delivery_id": row.id, "key": "7K2QD:1"}
    assert (body["unfurl_links"], body["unfurl_media"]) == (False, False)


def test_missing_scope_says_what_is_needed_and_shows_no_token(stand: Stand) -> None:
    stand.sink.slack.scopes.clear()
    row = stand.put(FULL)[0]
    answer = SPEC.factory(slack(stand.sink), road=Road()).send(row, compose(FULL, "zh"), thread_ref="")
    assert (answer.code, answer.verdict) == ("missing_scope", DeliveryClass.BROKEN)
    assert "needed=chat:write" in answer.text


@pytest.mark.parametrize("after", ["", "soon", "999999"])
def test_retry_after_that_is_missing_or_absurd_is_bounded(stand: Stand, after: str) -> None:
    headers = {"retry-after": after} if after else {}
    stand.sink.ledger.script("slack.post", Fault(action="reply", status=429, body="{}", headers=headers))
    row = stand.put(FULL)[0]
    answer = SPEC.factory(slack(stand.sink), road=Road()).send(row, compose(FULL, "zh"), thread_ref="")
    assert answer.verdict is DeliveryClass.HELD
    assert answer.retry_after_s in (30.0, 3_600.0)


def test_an_answer_without_ok_is_no_success(stand: Stand) -> None:
    row = stand.put(FULL)[0]
    stand.sink.ledger.script("slack.post", Fault(action="reply", body='{"ok": "yes"}'))
    answer = SPEC.factory(slack(stand.sink), road=Road()).send(row, compose(FULL, "zh"), thread_ref="")
    assert answer.verdict is not DeliveryClass.OK


def test_a_search_that_fails_leaves_the_outcome_unknown(stand: Stand) -> None:
    row = stand.put(FULL)[0]
    notifier = SPEC.factory(slack(stand.sink), road=Road())
    assert notifier.find(row, thread_ref="").known is True
    stand.sink.ledger.script("slack.conversations.history", Fault(action="refuse"))
    assert notifier.find(row, thread_ref="").known is False
    stand.sink.ledger.script("slack.conversations.history", Fault(action="reply", body='{"ok":true,"messages":[1]}'))
    assert notifier.find(row, thread_ref="").known is False
    assert notifier.find(row, thread_ref=f"{DEMO_CHANNEL} 1.2").known is False, "the thread is gone"


def test_a_webhook_cannot_be_searched_and_follows_the_base_url(stand: Stand) -> None:
    hook = SlackSettings(
        webhook=Secret("https://hooks.slack.com/services/T0DEMO/B0DEMO/demo"), base_url=stand.sink.slack_base_url
    )
    notifier = SPEC.factory(hook, road=Road())
    row = stand.put(FULL)[0]
    assert notifier.find(row, thread_ref="").known is False
    assert notifier.send(row, compose(FULL, "zh"), thread_ref="").verdict is DeliveryClass.OK
    assert stand.accepted("slack_webhook") == 1
