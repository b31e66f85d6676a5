"""What the outside answers when we call it: channels, Kibana, Elasticsearch."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from alerts.message import compose
from alerts.notifiers.road import Road
from alerts.notifiers.slack import SlackBotNotifier, SlackSettings, SlackWebhookNotifier
from alerts.notifiers.wecom_robot import WecomRobotNotifier, WecomRobotSettings
from dashboards.errors import DashboardError
from dashboards.kibana.client import Kibana, KibanaAccess
from domain.incident import Delivery, DeliveryKind, DeliveryState
from domain.outcome import DeliveryClass
from domain.secret import Secret
from storage.errors import StoreError
from storage.mentions.elastic.client import ElasticSettings, connect
from storage.mentions.elastic.errors import answered
from tests.alerts.kit import FULL, NOW
from tests.hostile.clean import FORBIDDEN


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


JSON = "Content-Type: application/json"
ANSWERS: dict[str, bytes] = {
    "deep-json": http(b"[" * 10_000, "200 OK", JSON),
    "deep-object": http(b'{"a":' * 10_000, "200 OK", JSON),
    "html": http(b"<html><script>alert(1)</script>", "200 OK", "Content-Type: text/html"),
    "list": http(b"[1,2]", "200 OK", JSON),
    "number": http(b"7", "200 OK", JSON),
    "null": http(b"null", "200 OK", JSON),
    "empty": http(b""),
    "nul": http(b"\0" * 1_000),
    "bad-utf8": http(b'{"ok":\xff\xfe}', "200 OK", JSON),
    "digits": http(b'{"errcode":' + b"9" * 10_000 + b"}", "200 OK", JSON),
    "wrong-types": http(
        b'{"ok":"yes","ts":{},"channel":[],"errcode":"0","errmsg":[],"error":{},"version":[],"errors":7,"success":1}',
        "200 OK", JSON,
    ),
    "errors-of-any-kind": http(
        b'{"success":false,"successCount":"x","errors":[1,null,{"error":[],"meta":7},{"error":{"type":"missing_references",'
        b'"references":[1]}}],"version":{"number":"9.\xc2\xb2"}}', "200 OK", JSON,
    ),
    "terminal": http(
        '{"ok":false,"error":"\x1b[2J\u202e","errcode":1,"errmsg":"\\u001b[2J\\u202e"}'.encode(), "200 OK", JSON
    ),
    "giant-error": http(b'{"ok":false,"error":"' + b"e" * 500_000 + b'"}', "200 OK", JSON),
    "charset": http(b"{}", "500 No", "Content-Type: application/json; charset=nonsense"),
    "bad-status": b"HTTP/1.1 999999 ?\r\n\r\n",
    "no-http": b"\x16\x03\x01" * 100,
    "many-headers": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5_000 + b"\r\n",
    "long-header": b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
    "lying-length": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{}",
    "bad-chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
    **{
        f"retry-after-{name}": http(b"{}", "429 Slow", f"Retry-After: {value}")
        for name, value in {
            "negative": "-5", "giant": "9" * 400, "nan": "nan", "infinite": "inf",
            "date": "Fri, 31 Dec 9999 23:59:59 GMT",
            "words": "soon", "square": "\xb2",
        }.items()
    },
}  # fmt: skip


@dataclass
class Teller:
    """A server that answers each connection with the same bytes, then more of them where it is endless."""

    answer: bytes
    endless: bytes = b""
    pause_s: float = 0.0
    port: int = 0
    _open: threading.Event = field(default_factory=threading.Event)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, listener: socket.socket) -> None:
        while not self._open.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._tell, args=(connection,), daemon=True).start()

    def _tell(self, connection: socket.socket) -> None:
        with connection:
            try:
                connection.recv(65_536)
                connection.sendall(self.answer)
                while self.endless and not self._open.wait(self.pause_s):
                    connection.sendall(self.endless)
                connection.shutdown(socket.SHUT_WR)
                connection.settimeout(1)
                while connection.recv(65_536):
                    pass
            except OSError:
                pass

    def stop(self) -> None:
        self._open.set()


@pytest.fixture
def teller() -> Iterator[Teller]:
    one = Teller(b"")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one.port = listener.getsockname()[1]
        thread = threading.Thread(target=one.run, args=(listener,), daemon=True)
        thread.start()
        yield one
        one.stop()


ROAD = Road(timeout_s=0.5)
DELIVERY = Delivery(
    id="d1", receiver="pr", channel="slack", target="x", kind=DeliveryKind.FIRING, state=DeliveryState.PENDING,
    created_at=NOW, not_before=NOW, payload="{}", seq=1, incident="7K2QD",
)  # fmt: skip


def notifiers(base: str) -> list[SlackBotNotifier | SlackWebhookNotifier | WecomRobotNotifier]:
    token = SlackSettings(token=Secret("xoxb-1-demo"), channel="C1", base_url=base + "/api/")
    hook = SlackSettings(webhook=Secret("https://hooks.slack.com/services/T/B/x"), base_url=base)
    return [
        SlackBotNotifier(token, road=ROAD),
        SlackWebhookNotifier(hook, road=ROAD),
        WecomRobotNotifier(WecomRobotSettings(key=Secret("k" * 20), base_url=base), road=ROAD),
    ]


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_of_a_channel_is_a_verdict(teller: Teller, name: str) -> None:
    teller.answer = ANSWERS[name]
    for notifier in notifiers(teller.base):
        answer = notifier.send(DELIVERY, compose(FULL, "zh"), thread_ref="")
        assert answer.verdict is not DeliveryClass.OK, (notifier, answer)
        assert len(answer.text) <= 300
        assert len(answer.code) <= 100
        assert answer.retry_after_s is None or 1.0 <= answer.retry_after_s <= 3_600.0
        notifier.find(DELIVERY, thread_ref="C1 1.2")


@pytest.mark.slow
@pytest.mark.parametrize(("endless", "pause_s"), [(b"x" * 100_000, 0.0), (b"x", 0.2)], ids=["endless", "drip"])
def test_an_answer_without_end_ends(teller: Teller, endless: bytes, pause_s: float) -> None:
    teller.answer, teller.endless, teller.pause_s = b'HTTP/1.1 200 OK\r\n\r\n{"ok":', endless, pause_s
    for notifier in notifiers(teller.base):
        begun = time.monotonic()
        assert notifier.send(DELIVERY, compose(FULL, "zh"), thread_ref="").verdict is not DeliveryClass.OK
        assert time.monotonic() - begun < 20


def test_a_redirect_is_an_answer_and_never_followed(teller: Teller) -> None:
    teller.answer = http(b"", "302 Found", f"Location: {teller.base}/inside")
    for notifier in notifiers(teller.base):
        assert notifier.send(DELIVERY, compose(FULL, "zh"), thread_ref="").verdict is not DeliveryClass.OK


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_of_kibana_is_read_or_a_typed_error(teller: Teller, name: str) -> None:
    teller.answer = ANSWERS[name]
    kibana = Kibana(KibanaAccess(url=teller.base, timeout_s=2.0))
    for ask in (kibana.version, lambda: kibana.import_objects("{}"), lambda: kibana.export_objects([("lens", "x")])):
        try:
            ask()
        except DashboardError as err:
            assert len(str(err)) < 1_000


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_of_elasticsearch_is_a_typed_error(teller: Teller, name: str) -> None:
    teller.answer = ANSWERS[name]
    client = connect(ElasticSettings(urls=(teller.base,), timeout_s=2.0))
    try:
        with answered("search"):
            client.search(index="mentions", query={"match_all": {}})
    except StoreError as err:
        assert len(str(err)) < 5_000
    finally:
        client.close()


def test_what_a_channel_said_is_shown_without_commands(teller: Teller) -> None:
    from service.printing import harmless

    teller.answer = ANSWERS["terminal"]
    for notifier in notifiers(teller.base):
        answer = notifier.send(DELIVERY, compose(FULL, "zh"), thread_ref="")
        assert not FORBIDDEN.search(harmless(answer.text))
        json.dumps(answer.text)
