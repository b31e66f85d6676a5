"""What a page is stays, whatever changes on pages every day: a wall is a wall, and nothing found is nothing found.

Every saved payload is edited as a site edits its pages without meaning anything by it: blanks, the order of attributes
and keys, tags in capitals, one script more, fields that nobody knows, other brands. The outcome must stay the same.
"""

import json
import random
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from crawlers.base import Response
from domain.moment import from_rfc3339
from domain.outcome import FetchOutcome as F
from tests.crawlers.pages import platform_of

FIXTURES = Path(__file__).parent.parent / "fixtures"
FOLDERS = sorted(path for kind in ("platforms", "payloads") for path in (FIXTURES / kind).iterdir() if path.is_dir())
WALLS = frozenset(F) - {F.OK, F.EMPTY, F.COMMENTS_CLOSED, F.GONE, F.PARSE_ERROR, F.SCHEMA_ERROR, F.ERROR}
BRANDS = ("云杉咖啡", "星澜汽车", "白鹿茶饮", "青禾牛奶", "远山书店")
TALK = ("安全验证", "要求登录", "验证码收不到", "提示访问过于频繁", "环境异常", "内容已被发布者删除", "暂无结果")
_TAG = re.compile(
    r"<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:\s+[a-zA-Z_:@][-\w:.@]*(?:=(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>/]+))?)*)(\s*/?)>"
)
_ATTRIBUTE = re.compile(r"\s+([a-zA-Z_:@][-\w:.@]*(?:=(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>/]+))?)")
_OPAQUE = re.compile(r"(<(script|style|textarea|pre|title)\b.*?</\2\s*>|<!--.*?-->|<!\[CDATA\[.*?\]\]>)", re.S | re.I)
SCRIPTS = (
    "<script>var _hmt = _hmt || [];</script>",
    '<script async src="https://stat.example.cn/h.js?v=7"></script>',
    "<!-- cache hit 7f3a -->",
)

Edit = Callable[[str, random.Random], str]


def outside_of_scripts(source: str, change: Callable[[str], str]) -> str:
    """Change what is markup of a page; scripts, styles and comments stay as they are."""
    parts, at = [], 0
    for match in _OPAQUE.finditer(source):
        parts += [change(source[at : match.start()]), match[0]]
        at = match.end()
    return "".join([*parts, change(source[at:])])


def blanks(source: str, rng: random.Random) -> str:
    return outside_of_scripts(
        source, lambda text: re.sub(r">\s*\n\s*<", lambda _: f">\n{' ' * rng.randint(0, 8)}<", text)
    )


def attributes(source: str, rng: random.Random) -> str:
    def mix(match: re.Match[str]) -> str:
        found = _ATTRIBUTE.findall(match[3])
        rng.shuffle(found)
        return f"<{match[1]}{' '.join([match[2], *found])}{match[4]}>"

    return outside_of_scripts(source, lambda text: _TAG.sub(mix, text))


def tracking(source: str, rng: random.Random) -> str:
    def mark(match: re.Match[str]) -> str:
        if match[1] or rng.random() < 0.7:
            return match[0]
        return f'<{match[2]}{match[3]} data-spm="a{rng.randrange(10**6)}"{match[4]}>'

    return outside_of_scripts(source, lambda text: _TAG.sub(mark, text))


def capitals(source: str, rng: random.Random) -> str:
    return outside_of_scripts(source, lambda text: _TAG.sub(lambda m: f"<{m[1]}{m[2].upper()}{m[3]}{m[4]}>", text))


def scripts(source: str, rng: random.Random) -> str:
    where = re.search(r"</body\s*>|</html\s*>", source, re.IGNORECASE)
    at = where.start() if where else len(source)
    return source[:at] + rng.choice(SCRIPTS) + source[at:]


def brands(source: str, rng: random.Random) -> str:
    for name in BRANDS[:2]:
        other = rng.choice(BRANDS)
        source = source.replace(name, other).replace(json.dumps(name)[1:-1], json.dumps(other)[1:-1])
    return source


def edited_json(value: Any, rng: random.Random) -> Any:
    """Return a JSON value with its keys in another order and fields that nobody knows."""
    if isinstance(value, Mapping):
        pairs = [(key, edited_json(each, rng)) for key, each in value.items()]
        rng.shuffle(pairs)
        return dict([*pairs, (f"x_{rng.randrange(10**6)}", rng.choice([0, "", None]))] if pairs else pairs)
    return [edited_json(each, rng) for each in value] if isinstance(value, list) else value


HTML: tuple[Edit, ...] = (blanks, attributes, tracking, capitals, scripts, brands)
XML: tuple[Edit, ...] = (blanks, attributes, brands)


def edited(body: bytes, rng: random.Random) -> bytes:
    """Return a payload with one to three edits that mean nothing; what is no text stays as it is."""
    for encoding in ("utf-8", "gb18030"):
        try:
            text = body.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        return body
    try:
        value = edited_json(json.loads(text), rng)
    except ValueError:
        page = "<html" in text[:2_000].lower() or "<!doctype html" in text[:200].lower()
        edits = HTML if page else XML if text.lstrip().startswith("<") else (brands,)
        for edit in rng.sample(edits, rng.randint(1, min(3, len(edits)))):
            text = edit(text, rng)
        return text.encode(encoding)
    separators = rng.choice([(",", ":"), (", ", ": ")])
    told = json.dumps(value, ensure_ascii=rng.random() < 0.5, separators=separators, indent=rng.choice([None, 1]))
    return brands(told, rng).encode("utf-8")


def read(entry: Mapping[str, Any], body: bytes) -> F:
    headers = {key.lower(): value for key, value in (entry.get("response_headers") or {}).items()}
    answer = Response(
        url=entry["request_url"].rpartition(" ")[2],
        status=entry.get("http_status", 200),
        headers=headers,
        body=body,
        now=from_rfc3339(entry["now"]),
        context={name: entry[name] for name in ("parent_id", "parent_url") if isinstance(entry.get(name), str)},
    )
    return platform_of(entry["endpoint"]).parse(entry["endpoint"], answer).outcome


def manifest(folder: Path) -> list[dict[str, Any]]:
    told = json.loads((folder / "expected.json").read_text("utf-8"))
    return [{"now": told.get("reference_now"), **entry} for entry in told["files"]]


@pytest.mark.parametrize("edits", [5, pytest.param(200, marks=pytest.mark.slow)])
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_outcome_stays_whatever_changes_without_a_meaning(folder: Path, edits: int) -> None:
    for entry in manifest(folder):
        rng = random.Random(f"{folder.name} {entry['file']} {edits}")
        body = (folder / entry["file"]).read_bytes()
        said = {read(entry, edited(body, rng)) for _ in range(edits)}
        assert said == {F(entry["outcome"])}, entry["file"]


def spoken_of() -> list[Any]:
    """Return each (folder, words); the title of Toutiao's search holds what was asked for."""
    return [
        pytest.param(folder, talk, id=f"{folder.parent.name}/{folder.name}-{talk}")
        for folder in FOLDERS
        for talk in TALK
    ]


@pytest.mark.parametrize(("folder", "talk"), spoken_of())
def test_people_who_speak_of_a_wall_are_none(folder: Path, talk: str) -> None:
    for entry in manifest(folder):
        if entry["outcome"] == "ok":
            body = (folder / entry["file"]).read_bytes()
            for name in BRANDS[:2]:
                spoken = f"{name}{talk}"
                body = body.replace(name.encode(), spoken.encode())
                body = body.replace(json.dumps(name)[1:-1].encode(), json.dumps(spoken)[1:-1].encode())
            assert read(entry, body) is F.OK, entry["file"]


def test_there_are_walls_and_empty_answers_to_edit() -> None:
    said = [F(entry["outcome"]) for folder in FOLDERS for entry in manifest(folder)]
    assert sum(each in WALLS for each in said) >= 60
    assert said.count(F.EMPTY) >= 15


@pytest.mark.parametrize("edit", HTML)
def test_an_edit_changes_the_page(edit: Edit) -> None:
    page = '<html><body>\n<p class="a" id="b">云杉咖啡</p>\n<script>if (a</b/) x = 1</script></body></html>'
    assert any(edit(page, random.Random(seed)) != page for seed in range(20))
    assert "<script>if (a</b/) x = 1</script>" in edit(page, random.Random(1)).replace("SCRIPT", "script")
