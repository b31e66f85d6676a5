"""Files that the operator or a stranger drops: settings, imports, standard input."""

import io
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import ConfigError
from config.loader import load
from crawlers.folder import DropFolder
from crawlers.importer import BadLine, read_posts
from crawlers.parse import parse_manifest
from crawlers.platforms.imports import ImportSettings
from domain.errors import TingfengError
from domain.mention import Post
from domain.query import QueryError, parse
from service.texts import analyse_lines
from service.wiring import specs
from tests.crawlers.pages import source
from tests.hostile.cases import TEXTS, Case, answers
from tests.hostile.clean import FORBIDDEN, assert_clean

NOW = datetime(2026, 6, 20, 7, 30, tzinfo=UTC)
GOOD = '{"platform":"weibo","id":"%s","text":"云杉咖啡好喝","published_at":"2026-06-20T14:00:00+08:00"}'
LINES: dict[Case, bytes] = {
    case: json.dumps(
        {"platform": "weibo", "id": text[:2_000], "text": text, "title": text, "author": {"name": text}}
    ).encode()
    for case, text in TEXTS.items()
    if case is not Case.ONE_CHAR
} | {
    Case.ONE_CHAR: b'{"platform":"weibo","id":"x","text":"' + "哈".encode() * 1_000_000 + b'"}',
    Case.DEEP_JSON: b"[" * 10_000,
    Case.HUGE: b"x" * 20_000_000,
    Case.BAD_UTF8: b'{"platform":"weibo","id":"b","text":"\xff\xfe\x81\xc0"}',
    Case.BAD_GB18030: '{"platform":"weibo","id":"g","text":"门店'.encode("gb18030") + b'\xff\x81"}',
    Case.Y1970: b'{"platform":"weibo","id":"o","text":"x","published_at":"1970-01-01T00:00:00Z"}',
    Case.Y2099: b'{"platform":"weibo","id":"n","text":"x","published_at":"2099-01-01T00:00:00Z"}',
    Case.DUPLICATE_ID: (GOOD % "1").encode(),
    Case.COLLIDING_ID: (GOOD % "../../1").encode(),
    Case.ZIP_BOMB: answers("feed")[Case.ZIP_BOMB]().body.replace(b"\n", b""),
    Case.ENTITY_BOMB: b'<!DOCTYPE x [<!ENTITY a "&a;&a;">]><x>&a;</x>',
}  # fmt: skip


def read(path: Path) -> tuple[list[Post], list[BadLine]]:
    found = list(read_posts(path, now=NOW))
    posts = [each for each in found if isinstance(each, Post)]
    for post in posts:
        assert_clean(post)
    bad = [each for each in found if isinstance(each, BadLine)]
    for line in bad:
        assert len(line.problem) <= 300
        assert not FORBIDDEN.search(line.problem)
    return posts, bad


@pytest.mark.parametrize("case", LINES, ids=lambda case: case.value)
@pytest.mark.parametrize("suffix", [".ndjson", ".csv"])
def test_a_hostile_line_loses_no_other(tmp_path: Path, case: Case, suffix: str) -> None:
    path = tmp_path / f"posts{suffix}"
    if suffix == ".csv":
        cell = LINES[case].replace(b'"', b'""')
        path.write_bytes("platform,id,text\nweibo,a1,好\nweibo,x,".encode() + b'"' + cell + '"\nweibo,z9,好\n'.encode())
    else:
        path.write_bytes(b"\n".join([(GOOD % "a1").encode(), LINES[case], (GOOD % "z9").encode()]))
    posts, bad = read(path)
    assert [posts[0].native_id, posts[-1].native_id] == ["a1", "z9"]
    assert len(posts) + len(bad) == 3


@pytest.mark.parametrize("name", ["posts.csv", "posts.ndjson"])
@pytest.mark.parametrize(
    "body", [b"", b"\0" * 5_000, b"\xef\xbb\xbf", b"PK\x03\x04" + b"\0\xff" * 5_000, b'"' * 300_000, b"\n" * 100_000,
             b"platform,text\n" + b'"' + b"a,b\n" * 20_000, b"a," * 400_000],
    ids=["empty", "nul", "bom", "zip", "quotes", "lines", "open-quote", "columns"],
)  # fmt: skip
def test_files_that_are_none_are_told_in_time(tmp_path: Path, name: str, body: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(body)
    begun = time.process_time()
    read(path)
    assert time.process_time() - begun < 3


@pytest.mark.slow
def test_a_sparse_gigabyte_is_one_bad_line(tmp_path: Path) -> None:
    path = tmp_path / "posts.ndjson"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    assert len(read(path)[1]) == 1


def test_csv_with_formulas_and_unknown_columns_is_text(tmp_path: Path) -> None:
    path = tmp_path / "posts.csv"
    path.write_text("platform,id,text,=cmd|x,作者\nweibo,1,=cmd|' /C calc'!A0,@SUM(1),+1\n")
    posts, bad = read(path)
    assert (posts[0].text, posts[0].author.name, bad) == ("=cmd|' /C calc'!A0", "+1", [])


def test_a_folder_reads_plain_files_only(tmp_path: Path) -> None:
    (tmp_path / "good.ndjson").write_text(GOOD % "1")
    (tmp_path / "secret.txt").write_text(GOOD % "2")
    (tmp_path / "link.ndjson").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.ndjson")
    folder = DropFolder(source(platform="import", options=ImportSettings(path=str(tmp_path))), taken=None)
    folder.look()
    refused = folder.refused
    ready = folder.look()
    assert ([Path(path).name for path in ready], refused, folder.refused) == (["good.ndjson"], 3, 0)


@given(st.binary(max_size=400), st.sampled_from([".csv", ".ndjson"]))
def test_any_bytes_are_posts_or_bad_lines(tmp_path_factory: pytest.TempPathFactory, body: bytes, suffix: str) -> None:
    path = tmp_path_factory.mktemp("any") / f"posts{suffix}"
    path.write_bytes(body)
    read(path)


# --- standard input -------------------------------------------------------------------------------------------


@pytest.mark.slow  # each reads the whole dictionary again
@pytest.mark.parametrize("case", LINES, ids=lambda case: case.value)
def test_every_line_of_standard_input_has_its_answer(case: Case) -> None:
    lines = io.BytesIO(b'{"id":"a","text":"x"}\n' + LINES[case] + b'\n{"id":"z","text":"y"}\n')
    out = io.StringIO()
    analyse_lines(lines, out, None)
    views = [json.loads(line) for line in out.getvalue().split("\n") if line]
    assert [views[0]["id"], views[-1]["id"], len(views)] == ["a", "z", 3]
    assert not FORBIDDEN.search(out.getvalue())
    out.getvalue().encode()


@pytest.mark.parametrize(
    "body", [b"[" * 20_000, b"\xff", b"{}", b'{"files":[1,null,{"file":"../x","endpoint":"feed.any"}]}', b""]
)
def test_a_hostile_manifest_is_a_typed_error(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "expected.json"
    path.write_bytes(body)
    try:
        assert all("error" in entry for entry in parse_manifest(path))
    except TingfengError as err:
        assert len(str(err)) < 1_000


# --- settings -------------------------------------------------------------------------------------------------

BRAND = "brands:\n  - {id: a, name: 云杉咖啡, query: 云杉咖啡}\n"
_ALIAS = "a%d: &a%d [*a%d, *a%d]\n"
_FEED = b"sources: [{platform: feed, url: 'https://a.cn', interval: "
SETTINGS: dict[str, bytes] = {
    "alias-bomb": ("a0: &a0 [x, x]\n" + "".join(_ALIAS % (n, n, n - 1, n - 1) for n in range(1, 20))).encode(),
    "self-alias": b"brands: &a [*a]\n",
    "deep": b"brands: " + b"[" * 10_000,
    "deep-map": b"brands: " + b"{a: " * 10_000,
    "python-object": BRAND.encode() + b"data_dir: !!python/object/apply:os.system ['touch owned']\n",
    "giant-scalar": BRAND.encode() + b"locale: " + b"x" * 1_900_000,
    "giant-duration": BRAND.encode() + _FEED + b"1" * 1_000_000 + b"}]\n",
    "many-values": b"brands: [" + b"1," * 100_000 + b"]",
    "twice": (BRAND + "locale: zh\nlocale: en\n").encode(),
    "control": BRAND.encode() + b"locale: z\x07h\n",
    "bidi": (BRAND + "locale: 'z\u202eh'\n").encode(),
    "bad-utf8": BRAND.encode() + b"locale: \xff\xfe\n",
    "nul": b"\0" * 1_000,
    "giant": b"#" * 3_000_000,
    "merge-bomb": BRAND.encode() + b"x: &x {<<: *x}\n",
    "surrogate": BRAND.encode() + b'locale: "\\ud800"\n',
    "query-bomb": b"brands: [{id: a, name: b, query: '" + b"(" * 60_000 + b"'}]\n",
}  # fmt: skip


@pytest.mark.parametrize("name", SETTINGS)
def test_hostile_settings_are_a_mistake_with_a_place(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "tingfeng.yaml"
    path.write_bytes(SETTINGS[name])
    begun = time.process_time()
    with pytest.raises(ConfigError) as caught:
        load(path, specs(), environ={})
    assert time.process_time() - begun < 10
    assert len(str(caught.value)) < 20_000
    assert not (tmp_path / "owned").exists()


def test_settings_that_are_no_file_are_told_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 33)
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    for name in ("pipe", "sparse", "gone", ".", "a\0b", "n" * 5_000):
        with pytest.raises(ConfigError):
            load(tmp_path / name, specs(), environ={})
    with pytest.raises(ConfigError):
        load(Path("/dev/zero"), specs(), environ={})


@given(st.binary(max_size=300) | st.text(alphabet="ab:-[]{}&*!<>|'\"\n\t #%@`,云\0", max_size=120).map(str.encode))
def test_any_bytes_as_settings_are_a_mistake(tmp_path_factory: pytest.TempPathFactory, body: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "tingfeng.yaml"
    path.write_bytes(body)
    with pytest.raises(ConfigError):
        load(path, specs(), environ={})


# --- queries --------------------------------------------------------------------------------------------------

QUERIES: dict[str, str] = {
    "parentheses": "(" * 30_000 + "a" + ")" * 30_000,
    "open": "(" * 65_000,
    "not": "not " * 16_000 + "a",
    "megabyte": "a" * 1_000_000,
    "blanks": " " * 65_000 + "a",
    "or-blanks": "a " + " " * 65_000 + "or",
    "ors": "a or " * 13_000,
    "ands": "a and " * 10_000,
    "stars": "*" * 65_000,
    "starred": "text: " + "a*" * 30_000,
    "quotes": '"' * 65_001,
    "escapes": "\\" * 65_000,
    "braces": "author:{" * 8_000,
    "near": " NEAR/9 ".join("a" * 3_000),
    "nul": "text: \0\0",
    "regex": "text: (a+)+$ or /(x+x+)+y/",
    "surrogate": 'text: "\\ud800"',
    "range": "published_at >= now" + "-999999y" * 5_000,
}


@pytest.mark.parametrize("name", QUERIES)
def test_hostile_queries_are_read_or_refused_in_time(name: str) -> None:
    begun = time.process_time()
    try:
        parse(QUERIES[name])
    except QueryError as err:
        assert len(str(err)) < 2_000
    assert time.process_time() - begun < 3


@given(st.text(alphabet='ab ()":*{}<>=\\not or and NEAR/3\0\ud800云', max_size=80))
def test_any_query_is_read_or_refused(text: str) -> None:
    try:
        parse(text)
    except QueryError as err:
        str(err).encode("utf-8", "surrogatepass")
