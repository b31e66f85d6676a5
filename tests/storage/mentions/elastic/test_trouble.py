"""A cluster in trouble: what may be tried again, what a person must do, and nothing lost either way."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.settings import StorageSettings
from domain.query import parse
from domain.secret import Secret
from storage import open_mentions
from storage.errors import RejectedError, SchemaError, StoreError
from storage.mentions.elastic.bulk import TRIES, Bulk, Write
from storage.mentions.elastic.client import ElasticSettings, connect, settings_of
from storage.mentions.elastic.mapping import FORM
from storage.mentions.elastic.store import ElasticMentions
from tests.elasticsearch_node.node import free_port
from tests.storage.mentions.elastic.cluster import FakeCluster, denied, error, fake_cluster
from tests.storage.sample import NOW, mention

TEMPLATE = {"index_templates": [{"name": "mentions", "index_template": {"version": FORM}}]}
MONTH = {"mentions-2026.06": {"mappings": {"_meta": {"tingfeng": {"form": FORM}}}}}
NO_HITS: dict[str, Any] = {"hits": {"hits": []}, "_shards": {"failed": 0}}
BULK_OK = {"errors": False, "items": [{"create": {"status": 201}}]}


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with fake_cluster() as fake:
        fake.on("/_index_template/mentions", (200, TEMPLATE))
        fake.on("/mentions,mentions-*/_mapping", (200, MONTH))
        fake.on("/mentions-2026.06", (200, {}))
        fake.on("/_cluster/health", (200, {"status": "yellow"}))
        fake.on("/mentions/_search", (200, NO_HITS))
        fake.on("/_bulk", (200, BULK_OK))
        yield fake


def opened(cluster: FakeCluster, waits: list[float] | None = None, **more: Any) -> ElasticMentions:
    settings = ElasticSettings(urls=(cluster.url,), **more)
    return ElasticMentions(settings, wait=(waits if waits is not None else []).append)


def failure(store: ElasticMentions) -> StoreError:
    with pytest.raises(StoreError) as caught:
        store.put([mention("1")], now=NOW)
    return caught.value


def item(status: int, kind: str = "", reason: str = "") -> dict[str, Any]:
    told: dict[str, Any] = {"status": status}
    if kind:
        told["error"] = {"type": kind, "reason": reason}
    return {"errors": bool(kind), "items": [{"create": told}]}


# --- passes by itself ----------------------------------------------------------------------------------------


def test_a_busy_cluster_is_asked_again_with_growing_pauses(cluster: FakeCluster) -> None:
    busy = item(429, "es_rejected_execution_exception", "queue full")
    cluster.on("/_bulk", (200, busy), (429, error("es_rejected_execution_exception", "queue full")), (200, BULK_OK))
    waits: list[float] = []
    assert opened(cluster, waits).put([mention("1")], now=NOW).created == {"weibo:1"}
    assert waits == [0.2, 0.4]


def test_a_cluster_that_stays_busy_is_an_error_that_passes(cluster: FakeCluster) -> None:
    cluster.on("/_bulk", (200, item(429, "circuit_breaking_exception", "too large")))
    waits: list[float] = []
    assert failure(opened(cluster, waits)).retryable
    assert len(waits) == TRIES - 1
    assert len(cluster.asked("/_bulk")) == TRIES


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (
            429,
            "cluster_block_exception",
            "blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark]",
        ),
        (403, "cluster_block_exception", "blocked by: [FORBIDDEN/8/index write (api)];"),
        (503, "unavailable_shards_exception", "primary shard is not active"),
        (503, "cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/2/no master];"),
        (404, "index_not_found_exception", "no such index [mentions-2026.06]"),
    ],
)
def test_full_blocked_and_masterless_clusters_are_errors_that_pass(
    cluster: FakeCluster, status: int, kind: str, reason: str
) -> None:
    cluster.on("/_bulk", (200, item(status, kind, reason)))
    found = failure(opened(cluster))
    assert found.retryable
    assert kind in str(found)


def test_only_what_was_refused_is_sent_again(cluster: FakeCluster) -> None:
    both = {
        "errors": True,
        "items": [{"create": {"status": 201}}, item(429, "es_rejected_execution_exception")["items"][0]],
    }
    cluster.on("/_bulk", (200, both), (200, BULK_OK))
    store = opened(cluster)
    assert len(store.put([mention("1"), mention("2")], now=NOW).created) == 2
    first, second = cluster.asked("/_bulk")
    assert first.body.count(b'"create"') == 2
    assert second.body.count(b'"create"') == 1 and b'"weibo:2"' in second.body


def test_a_search_never_answers_from_part_of_the_shards(cluster: FakeCluster) -> None:
    store = opened(cluster)
    failed = {"error": {"type": "search_phase_execution_exception", "reason": "all shards failed", "root_cause": []}}
    cluster.on("/mentions/_search", (503, failed))
    with pytest.raises(StoreError) as caught:
        store.count(parse("*"), now=NOW)
    assert caught.value.retryable
    assert "allow_partial_search_results=false" in cluster.asked("/mentions/_search")[0].path


def test_a_cluster_that_is_away_is_an_error_that_passes() -> None:
    settings = ElasticSettings(urls=(f"http://127.0.0.1:{free_port()}",))
    with pytest.raises(StoreError, match="not reachable") as caught:
        ElasticMentions(settings)
    assert caught.value.retryable


def test_the_next_node_is_asked_when_the_first_is_away(cluster: FakeCluster) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    store = ElasticMentions(ElasticSettings(urls=(away, cluster.url)))
    assert store.put([mention("1")], now=NOW).created == {"weibo:1"}


# --- a person must act ---------------------------------------------------------------------------------------


def test_a_refused_login_says_which_settings(cluster: FakeCluster) -> None:
    cluster.on("/mentions,mentions-*/_mapping", (401, error("security_exception", "unable to authenticate user [x]")))
    with pytest.raises(StoreError, match="elasticsearch_api_key") as caught:
        opened(cluster, user="x", password=Secret("geheim"))
    assert not caught.value.retryable
    assert "geheim" not in str(caught.value)


def test_a_missing_privilege_is_named(cluster: FakeCluster) -> None:
    store = opened(cluster)
    cluster.on(
        "/_bulk",
        (
            200,
            item(
                403,
                "security_exception",
                denied("indices:data/write/bulk[s]", "create,index,write,all")["error"]["reason"],
            ),
        ),
    )
    found = failure(store)
    assert not found.retryable
    assert "missing index privilege for indices:data/write/bulk[s]: one of create,index,write,all" in str(found)


def test_a_refusal_without_details_points_to_the_role(cluster: FakeCluster) -> None:
    cluster.on("/mentions,mentions-*/_mapping", (403, error("security_exception", "no")))
    with pytest.raises(StoreError, match="role"):
        opened(cluster)


def test_what_elasticsearch_cannot_store_is_no_error_that_passes(cluster: FakeCluster) -> None:
    cluster.on("/_bulk", (200, item(400, "strict_dynamic_mapping_exception", "introduction of [x] is not allowed")))
    found = failure(opened(cluster))
    assert not found.retryable and not isinstance(found, RejectedError), "a mapping that is too old concerns all"
    assert "weibo:1" in str(found)


def test_one_document_that_cannot_be_read_is_refused_for_itself(cluster: FakeCluster) -> None:
    cluster.on("/_bulk", (200, item(400, "document_parsing_exception", "failed to parse field [event_at]")))
    found = failure(opened(cluster))
    assert isinstance(found, RejectedError) and "weibo:1" in str(found)


def test_another_product_is_refused(cluster: FakeCluster) -> None:
    cluster.product = "Else"
    with pytest.raises(StoreError, match="no Elasticsearch"):
        opened(cluster)


# --- setting up ----------------------------------------------------------------------------------------------


def test_a_role_that_may_not_see_templates_runs_all_the_same(cluster: FakeCluster) -> None:
    cluster.on(
        "/_index_template", (403, denied("indices:admin/index_template/get", "manage_index_templates", "cluster"))
    )
    assert opened(cluster).put([mention("1")], now=NOW).created == {"weibo:1"}


def test_without_the_template_nothing_is_written(cluster: FakeCluster) -> None:
    cluster.on("/_index_template", (403, denied("indices:admin/index_template/get", "manage", "cluster")))
    cluster.on("/mentions,mentions-*/_mapping", *[(200, {})] * 2, (200, {"mentions-2026.06": {"mappings": {}}}))
    found = failure(opened(cluster))
    assert "tingfeng store setup" in str(found)
    assert cluster.asked("/_bulk") == []


def test_a_template_that_was_removed_is_missed_before_an_index_is_made(cluster: FakeCluster) -> None:
    store = opened(cluster)
    cluster.on("/_index_template", (404, error("resource_not_found_exception", "missing")))
    cluster.on("/mentions,mentions-*/_mapping", (200, {}))
    assert "tingfeng store setup" in str(failure(store))


def test_two_that_make_the_same_index_are_both_content(cluster: FakeCluster) -> None:
    cluster.on("/mentions,mentions-*/_mapping", *[(200, {})] * 2, (200, MONTH))
    cluster.on("/mentions-2026.06", (400, error("resource_already_exists_exception", "exists")))
    assert opened(cluster).put([mention("1")], now=NOW).created == {"weibo:1"}


def test_an_index_that_cannot_be_made_is_told(cluster: FakeCluster) -> None:
    cluster.on("/mentions,mentions-*/_mapping", (200, {}))
    cluster.on("/mentions-2026.06", (403, denied("indices:admin/create", "create_index,manage,all")))
    assert "create_index" in str(failure(opened(cluster)))


@pytest.mark.parametrize("path", ["/_index_template/mentions", "/mentions,mentions-*/_mapping"])
def test_what_a_newer_program_wrote_is_left_alone(cluster: FakeCluster, path: str) -> None:
    newer: dict[str, Any] = {"index_templates": [{"name": "m", "index_template": {"version": FORM + 1}}]}
    if path.endswith("_mapping"):
        newer = {"mentions-2026.06": {"mappings": {"_meta": {"tingfeng": {"form": FORM + 1}}}}}
    cluster.on(path, (200, newer))
    with pytest.raises(SchemaError, match="newer Tingfeng"):
        opened(cluster)
    assert not [each for each in cluster.requests if each.method == "PUT"]


def test_a_missing_template_is_written_at_the_start(cluster: FakeCluster) -> None:
    cluster.on("/_index_template", (404, error("resource_not_found_exception", "missing")), (404, {}), (200, {}))
    opened(cluster)
    assert [each.method for each in cluster.asked("/_index_template")][-1] == "PUT"


# --- settings ------------------------------------------------------------------------------------------------


def test_settings_become_a_client_that_hides_its_secrets(tmp_path: Path) -> None:
    storage = StorageSettings(
        mentions="elasticsearch",
        elasticsearch_url="https://es.example:9200",
        elasticsearch_nodes=("https://es2.example:9200",),
        elasticsearch_api_key=Secret("c2VjcmV0"),
        elasticsearch_verify=False,
        index_prefix="posts",
    )
    settings = settings_of(storage)
    assert settings.urls == ("https://es.example:9200", "https://es2.example:9200")
    assert settings.prefix == "posts"
    assert "c2VjcmV0" not in repr(settings)
    client = connect(settings)
    assert len(list(client.transport.node_pool.all())) == 2
    client.close()


def test_a_missing_address_or_authority_is_a_mistake_in_the_settings(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="elasticsearch_url"):
        open_mentions("elasticsearch", tmp_path)
    lost = ElasticSettings(urls=("https://es.example:9200",), ca=tmp_path / "no.pem")
    with pytest.raises(StoreError, match="no file"):
        connect(lost)
    with pytest.raises(StoreError, match="cannot be used"):
        connect(ElasticSettings(urls=("es.example",)))


def test_a_bulk_is_cut_by_number_and_size(cluster: FakeCluster) -> None:
    cluster.rules.insert(
        0,
        (
            "/_bulk",
            lambda each: (200, {"errors": False, "items": [{"index": {"status": 200}}] * each.body.count(b'"_id"')}),
        ),
    )
    bulk = Bulk(connect(ElasticSettings(urls=(cluster.url,))))
    many = [Write(action="index", index="i", id=str(n), body=b"{}") for n in range(2_300)]
    assert len(bulk.send(many, refresh="false")) == 2_300
    large = [Write(action="index", index="i", id=str(n), body=b'{"t":"%s"}' % (b"x" * 5_000_000)) for n in range(3)]
    assert len(bulk.send(large, refresh="false")) == 3
    assert len(cluster.asked("/_bulk")) == 3 + 3
    assert bulk.send([], refresh="false") == []
