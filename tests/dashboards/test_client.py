"""Installing into a Kibana that refuses what the real one refuses."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from dashboards.errors import KibanaError
from dashboards.kibana import bundle, shipped_text, to_ndjson
from dashboards.kibana.client import Kibana, KibanaAccess
from domain.secret import Secret
from tests.dashboards.fake_kibana import FakeKibana, serving


def client(fake: FakeKibana, **more: object) -> Kibana:
    return Kibana(KibanaAccess(url=fake.url, **more))  # type: ignore[arg-type]


def test_everything_is_taken_and_read_back_as_written() -> None:
    with serving(FakeKibana()) as fake:
        kibana = client(fake)
        assert kibana.version() == (8, 14, 3)
        answer = kibana.import_objects(shipped_text())
        assert (answer.success, answer.taken, answer.problems) == (True, len(bundle()), ())
        kibana.make_default()
        assert fake.default_view == "mentions"
        back = kibana.export_objects([(each.type, each.id) for each in bundle()])
        assert list(back) == [each.json() for each in bundle()]
        again = kibana.import_objects(shipped_text())
        assert again.success
        assert len(fake.objects) == len(bundle())


def test_a_space_and_a_base_path_are_kept() -> None:
    with serving(FakeKibana(base_path="/kibana", spaces=("", "公关"))) as fake:
        assert client(fake, space="公关").import_objects(shipped_text()).success
        assert "POST /kibana/s/公关/api/saved_objects/_import" in fake.calls
        with pytest.raises(KibanaError, match=r"404: there is no such page or space"):
            client(fake, space="none").import_objects(shipped_text())


def test_credentials_are_sent_and_never_shown() -> None:
    with serving(FakeKibana(api_key="sesame")) as fake:
        assert client(fake, api_key=Secret("sesame")).import_objects(shipped_text()).success
        with pytest.raises(KibanaError, match="401: the API key or password is wrong or expired") as caught:
            client(fake, api_key=Secret("wrong-key")).version()
        assert "wrong-key" not in str(caught.value)
        assert caught.value.status == 401 and not caught.value.retryable
    with serving(FakeKibana(password=("pr", "pässword"))) as fake:
        assert client(fake, user="pr", password=Secret("pässword")).version() == (8, 14, 3)
        with pytest.raises(KibanaError, match="401"):
            client(fake, user="pr").version()


def test_a_missing_privilege_is_named() -> None:
    with serving(FakeKibana(forbidden=True)) as fake, pytest.raises(KibanaError, match="Saved Objects Management"):
        client(fake).import_objects(shipped_text())


def test_objects_that_are_there_can_be_kept() -> None:
    with serving(FakeKibana()) as fake:
        kibana = client(fake)
        kibana.import_objects(to_ndjson(bundle()[:1]))
        answer = kibana.import_objects(shipped_text(), overwrite=False)
        assert not answer.success
        (problem,) = answer.problems
        assert (problem.type, problem.kind, problem.title) == ("index-pattern", "conflict", "mentions")
        assert "--keep" in problem.fix


def test_missing_references_are_named() -> None:
    with serving(FakeKibana()) as fake:
        answer = client(fake).import_objects(to_ndjson(bundle()[1:2]))
        (problem,) = answer.problems
        assert problem.kind == "missing_references"
        assert "(index-pattern mentions)" in problem.fix


def test_a_reason_of_its_own_is_told() -> None:
    with serving(FakeKibana(broken={"search"})) as fake:
        answer = client(fake).import_objects(shipped_text())
        assert {each.kind for each in answer.problems if each.type == "search"} == {"unknown"}
        assert "definition for this key is missing" in answer.problems[0].fix


def test_an_unknown_type_is_named() -> None:
    strange = bundle()[0].json() | {"type": "map", "typeMigrationVersion": "8.4.0"}
    with serving(FakeKibana()) as fake:
        (problem,) = client(fake).import_objects(json.dumps(strange)).problems
        assert (problem.kind, "8.14 or newer" in problem.fix) == ("unsupported_type", True)


def test_a_newer_object_is_refused_with_kibanas_words() -> None:
    newer = shipped_text().replace('"typeMigrationVersion":"10.2.0"', '"typeMigrationVersion":"10.4.0"')
    with (
        serving(FakeKibana()) as fake,
        pytest.raises(KibanaError, match=r"422.*10\.4\.0.*last known version") as caught,
    ):
        client(fake).import_objects(newer)
    assert caught.value.status == 422


def test_an_object_without_a_version_is_an_internal_error() -> None:
    bare = shipped_text().replace('"coreMigrationVersion":"8.8.0",', "")
    with serving(FakeKibana()) as fake, pytest.raises(KibanaError, match="500") as caught:
        client(fake).import_objects(bare)
    assert caught.value.retryable


@pytest.mark.parametrize(("version", "known"), [("8.14.0", (8, 14, 0)), ("9.3.1-SNAPSHOT", (9, 3, 1)), ("", None)])
def test_versions_are_read(version: str, known: tuple[int, ...] | None) -> None:
    with serving(FakeKibana(version=version)) as fake:
        assert client(fake).version() == known


@pytest.mark.parametrize("version", ["7.17.29", "8.13.4"])
def test_an_old_kibana_is_refused_before_anything_is_written(version: str) -> None:
    with serving(FakeKibana(version=version)) as fake, pytest.raises(KibanaError, match="too old"):
        client(fake).version()


def test_a_missing_object_is_missed_when_read_back() -> None:
    with serving(FakeKibana()) as fake, pytest.raises(KibanaError, match="400"):
        client(fake).export_objects([("dashboard", "gone")])


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ((200, "<html>"), "not as Kibana does"),
        ((200, "[]"), "not as Kibana does"),
        ((302, ""), "redirects, mostly to a login page"),
        ((503, "Kibana server is not ready yet"), "not ready"),
        ((429, "[]"), "busy"),
        ((413, ""), "maxImportPayloadBytes"),
        ((418, "{}"), "look into Kibana's log"),
    ],
)
def test_odd_answers_are_explained(raw: tuple[int, str], said: str) -> None:
    with serving(FakeKibana()) as fake:
        fake.raw = raw
        if raw[0] == 200:
            fake.answer = lambda *_: raw[1]  # type: ignore[method-assign]
        with pytest.raises(KibanaError, match=said):
            client(fake).version()


def test_an_answer_without_a_verdict_is_no_success() -> None:
    with serving(FakeKibana()) as fake:
        fake.answer = lambda *_: "{}"  # type: ignore[method-assign]
        with pytest.raises(KibanaError, match="does not say whether it worked"):
            client(fake).import_objects("")


def test_an_export_that_cannot_be_read_or_lacks_one_is_an_error() -> None:
    with serving(FakeKibana()) as fake:
        fake.answer = lambda *_: "<html>"  # type: ignore[method-assign]
        with pytest.raises(KibanaError, match="export cannot be read"):
            client(fake).export_objects([])
        lost = json.dumps({"type": "search", "id": "x", "error": {"statusCode": 404}})
        fake.answer = lambda *_: lost  # type: ignore[method-assign]
        with pytest.raises(KibanaError, match="could not export search x"):
            client(fake).export_objects([])


def test_nobody_there_is_worth_another_try() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(KibanaError, match="cannot be reached") as caught:
        Kibana(KibanaAccess(url=f"http://127.0.0.1:{port}")).version()
    assert caught.value.retryable


def test_a_connection_that_breaks_is_worth_another_try() -> None:
    with serving(FakeKibana()) as fake:

        def fall(*_: object) -> str:
            raise ConnectionResetError

        fake.answer = fall  # type: ignore[method-assign]
        with pytest.raises(KibanaError, match="cannot be reached"):
            client(fake).version()


def test_tls_troubles_are_named(tmp_path: Path) -> None:
    with serving(FakeKibana()) as fake:
        access = KibanaAccess(url=fake.url.replace("http://", "https://"))
        with pytest.raises(KibanaError, match="is it http:// instead of https://"):
            Kibana(access).version()
        with pytest.raises(KibanaError, match="is it http:// instead of https://"):
            Kibana(replace(access, verify=False)).version()
    with pytest.raises(KibanaError, match=r"kibana\.ca"):
        Kibana(replace(access, ca=tmp_path / "none.pem"))
