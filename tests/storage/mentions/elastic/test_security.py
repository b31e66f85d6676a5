"""Logins, the role that is shipped, and what is said where it lacks something: on a real node with security on."""

import base64
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.query import MatchAll
from domain.secret import Secret
from storage.errors import StoreError
from storage.mentions.elastic import role as roles
from storage.mentions.elastic.client import ElasticSettings, connect
from storage.mentions.elastic.store import ElasticMentions
from tests.elasticsearch_node.node import Node, missing
from tests.storage.sample import NOW, N, mention

pytestmark = [pytest.mark.es, pytest.mark.slow]

PASSWORD = "kein-Geheimnis"


def users(*names: str) -> str:
    digest = base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()
    return "".join(f"{name}:{{SHA}}{digest}\n" for name in names)


@pytest.fixture(scope="module")
def secured() -> Iterator[str]:
    reason = missing()
    if reason is not None:
        pytest.skip(f"no Elasticsearch: {reason}")
    folder = Path(tempfile.mkdtemp(prefix="tingfeng-es-"))
    reader = {
        "cluster": ["monitor"],
        "indices": [{"names": ["mentions*"], "privileges": ["read", "view_index_metadata"]}],
    }
    files = {
        "users": users("boss", "service", "reader", "setup"),
        "users_roles": "superuser:boss\ntingfeng:service\nreader:reader\ntingfeng_setup:setup\n",
        "roles.yml": "".join(
            f"{name}: {json.dumps(role)}\n"
            for name, role in (("tingfeng", roles.RUN), ("tingfeng_setup", roles.SETUP), ("reader", reader))
        ),
    }
    settings = {"xpack.security.authc.realms.file.f1.order": "0"}
    node = Node(folder, security=True, files=files, settings=settings)
    yield node.url
    node.stop()
    shutil.rmtree(folder, ignore_errors=True)


def login(url: str, user: str, **more: Any) -> ElasticSettings:
    return ElasticSettings(urls=(url,), user=user, password=Secret(PASSWORD), refresh_s=0.01, replicas=0, **more)


def test_setup_then_a_service_with_the_shipped_role_does_everything(secured: str) -> None:
    with pytest.raises(StoreError, match="tingfeng store setup") as caught:
        ElasticMentions(login(secured, "service")).put([mention("1")], now=NOW)
    assert not caught.value.retryable
    ElasticMentions(login(secured, "setup")).indices.setup()
    store = ElasticMentions(login(secured, "service"))
    month = timedelta(days=31)
    given = [mention(str(n), brands={"y": N}, minutes=-n * 1440 * 20) for n in range(4)]
    assert len(store.put(given, now=NOW).created) == 4
    assert len(store.put([replace(each, outlet_tier="中央") for each in given], now=NOW).updated) == 4
    assert store.erase_author(platform="weibo", author_id="u0") == 1
    assert store.search(MatchAll(), now=NOW, limit=2).next is not None
    # It may not drop an index: the month is emptied instead.
    assert store.delete_before(NOW - month, candidates=False) == 2
    assert store.count(MatchAll(), now=NOW) == 1
    store.close()
    remover = ElasticMentions(login(secured, "setup"))
    assert remover.delete_before(NOW + 2 * month, candidates=False) == 1
    assert remover.indices.all(fresh=True) == []


def test_a_role_without_write_says_what_it_lacks(secured: str) -> None:
    ElasticMentions(login(secured, "boss")).put([mention("2")], now=NOW)
    with pytest.raises(
        StoreError, match=r"missing index privilege for indices:data/write/\S+: one of \S*write"
    ) as caught:
        ElasticMentions(login(secured, "reader")).put([mention("3")], now=NOW)
    assert not caught.value.retryable


def test_a_foreign_index_is_out_of_reach(secured: str) -> None:
    ElasticMentions(login(secured, "boss", prefix="others")).indices.setup()
    with pytest.raises(StoreError, match="missing index privilege"):
        ElasticMentions(login(secured, "service", prefix="others")).put([mention("1")], now=NOW)


def test_a_wrong_password_and_no_login_are_refused(secured: str) -> None:
    for settings in (
        ElasticSettings(urls=(secured,), user="service", password=Secret("falsch-geraten")),
        ElasticSettings(urls=(secured,)),
        ElasticSettings(urls=(secured,), api_key=Secret("bm86c3VjaA==")),
    ):
        with pytest.raises(StoreError, match="refused") as caught:
            ElasticMentions(settings)
        assert not caught.value.retryable
        assert "falsch-geraten" not in str(caught.value) and "bm86c3VjaA" not in str(caught.value)


def test_an_api_key_works_until_it_is_taken_back(secured: str) -> None:
    boss = connect(login(secured, "boss"))
    made = boss.security.create_api_key(name="tingfeng", role_descriptors={"tingfeng": roles.RUN})
    settings = ElasticSettings(urls=(secured,), api_key=Secret(made["encoded"]), refresh_s=0.01, replicas=0)
    store = ElasticMentions(settings)
    assert store.put([mention("4")], now=NOW).created
    boss.security.invalidate_api_key(ids=[made["id"]])
    with pytest.raises(StoreError, match="expired") as caught:
        store.put([mention("5")], now=NOW)
    assert not caught.value.retryable


def test_a_key_past_its_time_is_refused(secured: str) -> None:
    boss = connect(login(secured, "boss"))
    made = boss.security.create_api_key(name="short", expiration="1ms", role_descriptors={"tingfeng": roles.RUN})
    with pytest.raises(StoreError, match="expired"):
        ElasticMentions(ElasticSettings(urls=(secured,), api_key=Secret(made["encoded"])))
