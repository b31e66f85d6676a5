"""Certificates of a cluster: trusted by its authority, refused with the setting to change, or not checked at all."""

from collections.abc import Iterator

import pytest

from storage.errors import StoreError
from storage.mentions.elastic.client import ElasticSettings
from storage.mentions.elastic.store import ElasticMentions
from tests.storage.mentions.elastic.cluster import FakeCluster, fake_cluster
from tests.tls import Authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def secure(authority: Authority) -> Iterator[FakeCluster]:
    with fake_cluster(authority.server()) as cluster:
        cluster.on("/mentions,mentions-*/_mapping", (200, {}))
        cluster.on("/_index_template", (200, {"index_templates": [{"name": "m", "index_template": {"version": 1}}]}))
        yield cluster


def test_an_unknown_authority_is_refused_with_the_setting_to_change(secure: FakeCluster) -> None:
    with pytest.raises(StoreError, match="elasticsearch_ca") as caught:
        ElasticMentions(ElasticSettings(urls=(secure.url,)))
    assert not caught.value.retryable


def test_the_authority_of_the_settings_is_trusted(secure: FakeCluster, authority: Authority) -> None:
    ElasticMentions(ElasticSettings(urls=(secure.url,), ca=authority.ca)).close()


def test_an_operator_may_leave_the_certificate_unchecked(secure: FakeCluster) -> None:
    ElasticMentions(ElasticSettings(urls=(secure.url,), verify=False)).close()
