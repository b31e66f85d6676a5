"""Slack: a bot's chat.postMessage with threads, or an incoming webhook."""

import email.message
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse

from alerts.message import Message
from alerts.notifiers.base import Answer, Found, Limit, Notifier, mask
from alerts.notifiers.road import Reply, Road, began, json_of
from alerts.notifiers.slack_block import blocks_of, fallback_text, plain_text
from config.marks import Url
from domain.errors import DomainError
from domain.incident import Delivery, DeliveryKind
from domain.outcome import DeliveryClass
from domain.secret import Secret
from domain.spec import Spec

__all__ = ["SPEC", "SlackBotNotifier", "SlackSettings", "SlackWebhookNotifier"]

EVENT_TYPE = "tingfeng_delivery"
_BASE_URL = "https://slack.com/api/"
_BROADCAST = frozenset({DeliveryKind.ESCALATED, DeliveryKind.RESOLVED})
_LOOK_BACK = 200
_HOLD_S = 30.0
_LOOK_AGAIN_S = 5.0
_NO_JSON = "Received a response in a non-JSON format"
_MAX_REF = 100
_MAX_CODE = 80

# Channels contract, section 8; kin of the listed codes come from Slack's own method page. A refusal that no set
# names (msg_too_long, invalid_blocks, no_text and the unknown) is one of our form: degrade.
_BROKEN = frozenset(
    "invalid_auth not_authed account_inactive token_revoked token_expired missing_scope not_in_channel "
    "channel_not_found is_archived restricted_action "
    "no_permission org_login_required ekm_access_denied team_access_not_granted not_allowed_token_type "
    "access_denied token_rotation_enabled two_factor_setup_required".split()
)
_HELD = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
_THREAD_GONE = frozenset(
    "message_not_found cant_update_message edit_window_closed thread_not_found cannot_reply_to_message".split()
)
_UNCERTAIN = frozenset({"fatal_error", "internal_error"})
_TRANSIENT = frozenset({"service_unavailable", "request_timeout", "team_added_to_org"})
_WEBHOOK_BROKEN = {401, 403, 404, 410}


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackSettings:
    """Slack: a bot token with a channel, or an incoming webhook."""

    token: Secret | None = None
    """Bot token (xoxb-…) with the scope chat:write; channels:history lets us see what arrived."""
    channel: str | None = None
    """Channel id, such as C0123456789; the bot must be a member."""
    webhook: Secret | None = None
    """Incoming webhook URL, for who has no bot; no threads then."""
    base_url: Annotated[str, Url()] | None = None
    """Where Slack's API is really reached; None = slack.com."""

    def __post_init__(self) -> None:
        if self.token and not self.channel:
            raise DomainError("slack: a token needs a `channel`, such as C0123456789")
        if not self.token and not self.webhook:
            raise DomainError("slack: give `token` and `channel`, or `webhook`")

    @property
    def target(self) -> str:
        """The channel's id, or the webhook's place without its secret part."""
        if self.token:
            return str(self.channel)
        assert self.webhook is not None
        return _webhook_target(self.webhook)

    @property
    def server(self) -> str:
        """Where Slack is reached: scheme, host, port."""
        if self.token:
            return _root(self.base_url or _BASE_URL)
        assert self.webhook is not None
        return _root(self.webhook.reveal())


def _root(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _webhook_target(webhook: Secret) -> str:
    parts = [part for part in webhook.reveal().split("/") if part]
    return "webhook " + ("/".join(parts[-3:-1]) if len(parts) > 4 else "***")


class _RoadClient(WebClient):
    """Slack's own client on our road: no environment proxies, no redirects, no retries."""

    def __init__(self, *, token: str, base_url: str, road: Road) -> None:
        super().__init__(token=token, base_url=base_url, timeout=max(1, int(road.timeout_s)), retry_handlers=[])
        self._road = road

    def _perform_urllib_http_request_internal(self, url: str, req: urllib.request.Request) -> dict[str, Any]:
        try:
            with self._road.open(req) as response:
                return _bounded(response.status, response.headers, self._road.read(response))
        except urllib.error.HTTPError as err:
            with err:
                return _bounded(err.code, err.headers, self._road.read(err))


def _bounded(status: int, headers: email.message.Message, raw: bytes) -> dict[str, Any]:
    """Return an answer in the form of Slack's client; whatever came, its body is an object."""
    body = raw.decode("utf-8", "replace")
    try:
        parsed = json_of(body)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        parsed = {"ok": False, "error": f"{_NO_JSON}: {body[:80]}"}
    return {"status": status, "headers": dict(headers.items()), "body": body, "parsed_body": parsed}


class SlackBotNotifier:
    """Posts as a bot; follow-ups go into the thread of the incident's first message."""

    limit = Limit(calls=3, window_s=3.3)

    def __init__(self, settings: SlackSettings, *, road: Road) -> None:
        assert settings.token is not None
        self._secret = settings.token.reveal()
        self._channel = str(settings.channel)
        self._client = _RoadClient(token=self._secret, base_url=settings.base_url or _BASE_URL, road=road)

    def send(self, delivery: Delivery, message: Message, *, thread_ref: str) -> Answer:
        """Make one call of chat.postMessage and say what its answer means."""
        channel, _, thread = thread_ref.partition(" ")
        body = _body(message, delivery.degrade)
        body["channel"] = channel or self._channel
        body["metadata"] = {"event_type": EVENT_TYPE, "event_payload": _payload(delivery)}
        if thread:
            body["thread_ts"] = thread
            body["reply_broadcast"] = delivery.kind in _BROADCAST
        try:
            answer = self._client.api_call("chat.postMessage", json=body)
        except SlackApiError as err:
            return self._refused(err, has_thread=bool(thread))
        except (OSError, http.client.HTTPException, SlackClientError) as err:
            return _lost(err, [self._secret])
        if answer.get("ok") is not True:
            return Answer(verdict=DeliveryClass.UNCERTAIN, text="HTTP 200 without ok")
        return Answer(verdict=DeliveryClass.OK, code="ok", text="ok", remote_ref=_ref_of(answer))

    def find(self, delivery: Delivery, *, thread_ref: str) -> Found:
        """Look for the delivery's id among the channel's or thread's latest messages."""
        channel, _, thread = thread_ref.partition(" ")
        query = {"channel": channel or self._channel, "limit": _LOOK_BACK, "include_all_metadata": True}
        try:
            if thread:
                answer = self._client.api_call("conversations.replies", params={**query, "ts": thread})
            else:
                answer = self._client.api_call("conversations.history", params=query)
            posted: list[dict[str, Any]] = answer.get("messages", [])
            ref = next((str(one["ts"]) for one in posted if _delivery_of(one) == delivery.id), "")
        except SlackApiError as err:
            return _not_asked(err)
        except (KeyError, TypeError, AttributeError):
            return Found(known=False)
        except (OSError, http.client.HTTPException, SlackClientError):
            return Found(known=False, again_s=_LOOK_AGAIN_S)
        return Found(known=True, remote_ref=f"{query['channel']} {ref}" if ref else "")

    def _refused(self, err: SlackApiError, *, has_thread: bool) -> Answer:
        response, data, code = err.response, _data(err), _code(err)
        text = mask(f"HTTP {response.status_code} {data.get('error', '')}", [self._secret])
        if needed := data.get("needed"):
            text = mask(f"{text} needed={needed}")
        verdict = _verdict(response.status_code, code)
        return Answer(
            verdict=verdict,
            code=code or str(response.status_code),
            text=text,
            retry_after_s=_retry_after(response.headers) if verdict is DeliveryClass.HELD else None,
            forget_thread=code in _THREAD_GONE and has_thread,
            failed=verdict is DeliveryClass.UNCERTAIN,
        )


class SlackWebhookNotifier:
    """Posts through an incoming webhook: no thread, no handle, no search."""

    limit = Limit(calls=3, window_s=3.3)

    def __init__(self, settings: SlackSettings, *, road: Road) -> None:
        assert settings.webhook is not None
        self._url = settings.webhook.reveal()
        if settings.base_url:
            path = urllib.request.Request(self._url).selector
            self._url = settings.base_url.rstrip("/").removesuffix("/api") + path
        self._road = road

    def send(self, delivery: Delivery, message: Message, *, thread_ref: str) -> Answer:
        """Post once and say what the answer means."""
        try:
            reply = self._road.post_json(self._url, _body(message, delivery.degrade))
        except (OSError, http.client.HTTPException) as err:
            return _lost(err, [self._url])
        return _webhook_answer(reply, self._url)

    def find(self, delivery: Delivery, *, thread_ref: str) -> Found:
        """Say that a webhook cannot be asked."""
        return Found(known=False)


def _body(message: Message, degrade: int) -> dict[str, Any]:
    quiet: dict[str, Any] = {"unfurl_links": False, "unfurl_media": False}
    if degrade >= 2:
        return {"text": plain_text(message), "mrkdwn": False, **quiet}
    return {"text": fallback_text(message), "blocks": blocks_of(message, degrade), **quiet}


def _ref_of(answer: SlackResponse) -> str:
    """Return channel and timestamp of an accepted message; empty where the answer does not give them."""
    channel, ts = answer.get("channel"), answer.get("ts")
    is_ref = isinstance(channel, str) and isinstance(ts, str) and len(channel) + len(ts) < _MAX_REF
    return f"{channel} {ts}" if is_ref else ""


def _payload(delivery: Delivery) -> dict[str, str]:
    return {"delivery_id": delivery.id, "key": f"{delivery.incident or ''}:{delivery.seq}"}


def _delivery_of(posted: Mapping[str, Any]) -> str | None:
    metadata = posted.get("metadata") or {}
    payload = metadata.get("event_payload") or {}
    value = payload.get("delivery_id")
    return value if isinstance(value, str) and metadata.get("event_type") == EVENT_TYPE else None


def _data(err: SlackApiError) -> Mapping[str, Any]:
    return err.response.data if isinstance(err.response.data, dict) else {}


def _code(err: SlackApiError) -> str:
    """Return Slack's own code; empty where the answer was not Slack's JSON."""
    code = _data(err).get("error")
    is_code = isinstance(code, str) and len(code) <= _MAX_CODE and not code.startswith(_NO_JSON)
    return str(code) if is_code else ""


def _not_asked(err: SlackApiError) -> Found:
    """Say of a refused search whether it may be asked again later."""
    code = _code(err)
    verdict = _verdict(err.response.status_code, code)
    if verdict is DeliveryClass.HELD:
        return Found(known=False, again_s=_retry_after(err.response.headers))
    passing = verdict in (DeliveryClass.TRANSIENT, DeliveryClass.UNCERTAIN) and code not in _THREAD_GONE
    return Found(known=False, again_s=_LOOK_AGAIN_S if passing else None)


def _verdict(status: int, code: str) -> DeliveryClass:
    if status == 429 or code in _HELD:
        return DeliveryClass.HELD
    if code in _BROKEN:
        return DeliveryClass.BROKEN
    if code in _UNCERTAIN or (not code and status >= 500 and status != 503):
        return DeliveryClass.UNCERTAIN
    if code in _TRANSIENT or code in _THREAD_GONE or not code:
        return DeliveryClass.TRANSIENT
    return DeliveryClass.DEGRADE


def _webhook_answer(reply: Reply, url: str) -> Answer:
    said = reply.body.strip()
    code = said if said.replace("_", "").isalnum() and said.isascii() and len(said) < 40 else str(reply.status)
    text = mask(f"HTTP {reply.status} {said[:200]}", [url])
    if reply.status == 200 and said == "ok":
        return Answer(verdict=DeliveryClass.OK, code="ok", text="ok")
    if reply.status == 400:
        verdict = DeliveryClass.BROKEN if code in ("no_team", "invalid_token") else DeliveryClass.DEGRADE
    elif reply.status in _WEBHOOK_BROKEN:
        verdict = DeliveryClass.BROKEN
    else:
        verdict = _verdict(reply.status, "")
    return Answer(
        verdict=verdict,
        code=code,
        text=text,
        retry_after_s=_retry_after(dict(reply.headers)) if verdict is DeliveryClass.HELD else None,
        failed=verdict is DeliveryClass.UNCERTAIN,
    )


def _retry_after(headers: Mapping[str, Any]) -> float:
    for name, value in headers.items():
        if name.lower() == "retry-after":
            first = value[0] if isinstance(value, list) and value else value
            try:
                return min(3_600.0, max(1.0, float(first)))
            except (TypeError, ValueError):
                break
    return _HOLD_S


def _lost(err: Exception, secrets: list[str]) -> Answer:
    reason = err.reason if isinstance(err, urllib.error.URLError) else err
    text = mask(f"{type(reason).__name__}: {reason}", secrets)
    if isinstance(err, SlackClientError | json.JSONDecodeError) or began(err):
        return Answer(verdict=DeliveryClass.UNCERTAIN, code="no_answer", text=text)
    return Answer(verdict=DeliveryClass.TRANSIENT, code="unreachable", text=text)


def _build(settings: object, *, road: Road) -> Notifier:
    if not isinstance(settings, SlackSettings):
        raise DomainError(f"slack: settings are {type(settings).__name__}, not SlackSettings")
    return SlackBotNotifier(settings, road=road) if settings.token else SlackWebhookNotifier(settings, road=road)


SPEC = Spec(name="slack", settings=SlackSettings, factory=_build, title="Slack")
