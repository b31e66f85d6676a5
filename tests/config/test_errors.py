"""Each mistake in a settings file gets its own message: place, key path, what is wrong, what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import NO_DEFAULTS, ConfigError, load, load_text
from config.errors import Problem, quote
from tests.config.fakes import SPECS

BRAND = "brands: [{id: yunshan, name: 云杉咖啡}]\n"
ENVIRONMENT = {"KEY": "k-1", "EMPTY": ""}

CASES = {
    "unknown key at the top": (
        "sorces: []\n",
        "t.yaml:2:1: sorces: unknown key `sorces`\n    → did you mean `sources`?",
    ),
    "unknown key that belongs elsewhere": (
        "allow_internal: []\n",
        "t.yaml:2:1: allow_internal: unknown key `allow_internal`\n    → it belongs under `network`",
    ),
    "unknown key in a section": (
        "network: {timeot: 3s}\n",
        "t.yaml:2:11: network.timeot: unknown key `timeot`\n    → did you mean `timeout`?",
    ),
    "unknown key of a source": (
        "sources: [{platform: page, intervall: 5m}]\n",
        "t.yaml:2:28: sources[0].intervall: unknown key `intervall`\n    → did you mean `interval`?",
    ),
    "unknown platform": (
        "sources: [{platform: wiebo}]\n",
        "t.yaml:2:22: sources[0].platform: unknown platform `wiebo`\n    → did you mean `weibo`?",
    ),
    "unknown platform far from any": (
        "sources: [{platform: zzz}]\n",
        "t.yaml:2:22: sources[0].platform: unknown platform `zzz`\n    → one of: feed, gdelt, import, page, weibo",
    ),
    "missing platform": (
        "sources: [{url: 'https://a.example/'}]\n",
        "t.yaml:2:11: sources[0].platform: the key `platform` is missing\n"
        "    → one of: feed, gdelt, import, page, weibo",
    ),
    "platform that is a list": (
        "sources: [{platform: [feed]}]\n",
        "t.yaml:2:22: sources[0].platform: `platform` must be one word\n    → one of: feed, gdelt, import, page, weibo",
    ),
    "unknown transport": (
        "sources: [{platform: weibo, transport: cooky}]\n",
        "t.yaml:2:40: sources[0].transport: unknown transport `cooky`\n    → did you mean `cookie`?",
    ),
    "transport without its credential": (
        "sources: [{platform: weibo, transport: cookie}]\n",
        "t.yaml:2:11: sources[0]: transport `cookie` needs the key `cookie`\n    → such as: cookie: ${COOKIE}",
    ),
    "official without any key": (
        "sources: [{platform: weibo, transport: official}]\n",
        "t.yaml:2:11: sources[0]: transport `official` needs the key `token`\n"
        "    → such as: token: ${TOKEN}; or client_id and client_secret, where the platform gives tokens for them",
    ),
    "id without its secret": (
        "sources: [{platform: weibo, transport: official, client_id: a}]\n",
        "t.yaml:2:11: sources[0]: `client_id` needs `client_secret`\n    → such as: client_secret: ${CLIENT_SECRET}",
    ),
    "secret without its id": (
        "sources: [{platform: weibo, transport: official, client_secret: '${KEY}'}]\n",
        "t.yaml:2:11: sources[0]: `client_secret` needs `client_id`\n    → client_id: the id of the same application",
    ),
    "token beside an application": (
        "sources: [{platform: weibo, transport: official, token: '${KEY}', client_id: a, client_secret: '${KEY}'}]\n",
        "t.yaml:2:11: sources[0]: both `token` and an application's id or secret are given\n"
        "    → keep `token`, or `client_id` and `client_secret`, with which the token is fetched by itself",
    ),
    "duration without unit": (
        "sources: [{platform: page, interval: 300}]\n",
        "t.yaml:2:38: sources[0].interval: `300` has no unit\n    → seconds would be 300s, minutes 300m",
    ),
    "duration that is none": (
        "sources: [{platform: page, interval: soon}]\n",
        "t.yaml:2:38: sources[0].interval: `soon` is no duration\n"
        "    → write a number with a unit: 30s, 5m, 2h, 1d, 1h30m",
    ),
    "duration too long": (
        "retention: {mentions: 99999999d}\n",
        "t.yaml:2:23: retention.mentions: `99999999d` is longer than 100 years\n"
        "    → write a number with a unit: 30s, 5m, 2h, 1d, 1h30m",
    ),
    "duration under its bound": (
        "sources: [{platform: page, interval: 1s}]\n",
        "t.yaml:2:38: sources[0].interval: 1s is too small\n    → at least 10s",
    ),
    "number over its bound": (
        "analyse: {workers: 999}\n",
        "t.yaml:2:20: analyse.workers: 999 is too big\n    → at most 64",
    ),
    "port out of range": (
        "healthz: {port: 70000}\n",
        "t.yaml:2:17: healthz.port: 70000 is too big\n    → at most 65535",
    ),
    "text for a number": ("analyse: {workers: many}\n", "t.yaml:2:20: analyse.workers: `many` is no whole number"),
    "text for a share": (
        "rules: [{name: a, kind: burst, share: lots}]\n",
        "t.yaml:2:39: rules[0].share: `lots` is no number",
    ),
    "text for a switch": (
        "sources: [{platform: page, follow: maybe}]\n",
        "t.yaml:2:36: sources[0].follow: `maybe` is neither true nor false\n    → write true or false",
    ),
    "word that is no choice": (
        "rules: [{name: a, kind: burst, severity: critcal}]\n",
        "t.yaml:2:42: rules[0].severity: `critcal` is not one of: critical, high, medium, info\n"
        "    → did you mean `critical`?",
    ),
    "mapping for a list": (
        "sources: {platform: feed}\n",
        "t.yaml:2:10: sources: a list belongs here\n    → begin each entry of `sources` with `- `",
    ),
    "mapping for a list of words": (
        "no_proxy: {a: b}\n",
        "t.yaml:2:11: no_proxy: a list belongs here\n    → write it as [a, b] or with one `- ` per line",
    ),
    "text for a mapping": (
        "healthz: 8650\n",
        "t.yaml:2:10: healthz: a mapping (key: value) belongs here, not the text `8650`",
    ),
    "list for a mapping": (
        "storage: [sqlite]\n",
        "t.yaml:2:10: storage: a mapping (key: value) belongs here, not a list",
    ),
    "mapping for one value": (
        "locale: {zh: 1}\n",
        "t.yaml:2:9: locale: one value belongs here, not a mapping",
    ),
    "list for a text": (
        "topics: [{id: a, query: b, name: [c]}]\n",
        "t.yaml:2:34: topics[0].name: one value belongs here, not a list\n"
        "    → put it in quotes if it begins with { or [",
    ),
    "address without scheme": (
        "sources: [{platform: feed, url: a.example/rss}]\n",
        "t.yaml:2:33: sources[0].url: `a.example/rss` does not begin with http:// or https://\n"
        "    → write it whole, such as https://example.com/",
    ),
    "address without host": (
        "public_url: 'https:///x'\n",
        "t.yaml:2:13: public_url: `https:///x` is no address: it has no host\n"
        "    → write it whole, such as https://example.com/",
    ),
    "address with a bad port": (
        "public_url: https://a.example:99999/\n",
        "t.yaml:2:13: public_url: `https://a.example:99999/` has a port that is no number from 1 to 65535",
    ),
    "address with port zero": (
        "public_url: https://a.example:0/\n",
        "t.yaml:2:13: public_url: `https://a.example:0/` has port 0",
    ),
    "address with a bad host": (
        "public_url: 'https://[::1/'\n",
        "t.yaml:2:13: public_url: `https://[::1/` is no address\n    → write it whole, such as https://example.com/",
    ),
    "address of Kibana with a login": (
        "kibana: {url: 'https://u:p@k.example'}\n",
        "t.yaml:2:15: kibana.url: a login stands in the address\n    → give kibana.user and kibana.password instead",
    ),
    "address of Kibana with a query": (
        "kibana: {url: 'https://k.example/app?x=1'}\n",
        "t.yaml:2:15: kibana.url: the address goes on behind the path\n    → stop before the first ? or #",
    ),
    "internal host without port": (
        "network: {allow_internal: [127.0.0.1]}\n",
        "t.yaml:2:28: network.allow_internal[0]: `127.0.0.1` is no host:port pair\n"
        "    → write both, such as 127.0.0.1:8080",
    ),
    "internal host with a bad port": (
        "network: {allow_internal: ['127.0.0.1:70000']}\n",
        "t.yaml:2:28: network.allow_internal[0]: `127.0.0.1:70000`: port 70000 does not exist\n"
        "    → ports go from 1 to 65535",
    ),
    "proxy that is none": (
        "proxy: environment\n",
        "t.yaml:2:8: proxy: `environment` does not begin with http:// or https:// or socks5:// or socks5h://\n"
        "    → a proxy is an address, `env` or `none`",
    ),
    "proxy said twice": (
        "proxy: env\nnetwork: {proxy: none}\n",
        "t.yaml:2:1: proxy: `proxy` stands at the top and under `network`\n    → keep one of them",
    ),
    "query of a brand": (
        "topics: [{id: a, query: '(手机 or 电脑'}]\n",
        "t.yaml:2:35: topics[0].query: this query cannot be read: ( is never closed (at character 10)\n"
        "    → It was opened at character 1.",
    ),
    "query of a rule": (
        "rules: [{name: a, kind: match, query: '(x'}]\n",
        "t.yaml:2:39: rules[0].query: this query cannot be read: ( is never closed (at character 3)\n"
        "    → It was opened at character 1.",
    ),
    "field that there is not": (
        "topics: [{id: a, query: 'author.folowers > 3'}]\n",
        "t.yaml:2:26: topics[0].query: this query asks for the field `author.folowers`, which there is not\n"
        "    → did you mean `author.followers`?",
    ),
    "label that there is not": (
        "receivers: [{name: a, wecom_robot: {key: ${KEY}}}]\nroutes: [{to: a, match: 'sentiment: negative'}]\n",
        "t.yaml:3:26: routes[0].match: this query asks for the label `sentiment`, which there is not\n"
        "    → known: brand, kind, platform, risk, rule, severity, source, story, topic, trend",
    ),
    "bare word among labels": (
        "receivers: [{name: a, wecom_robot: {key: ${KEY}}}]\nroutes: [{to: a, match: 'not (critical or brand: x)'}]\n",
        "t.yaml:3:31: routes[0].match: `critical` names no label\n    → write label: value, such as severity: critical",
    ),
    "value that its field cannot have": (
        "topics: [{id: a, query: 'author.followers: many'}]\n",
        "t.yaml:2:25: topics[0].query: this query cannot be used: author.followers: 'many' is no number",
    ),
    "feed without address": (
        "sources: [{platform: feed}]\n",
        "t.yaml:2:11: sources[0]: platform `feed` needs the key `url`\n    → url: its address",
    ),
    "unset variable": (
        "receivers: [{name: a, wecom_robot: {key: ${NOT_SET}}}]\n",
        "t.yaml:2:42: receivers[0].wecom_robot.key: the environment variable NOT_SET is not set\n"
        "    → set it: export NOT_SET=…",
    ),
    "empty variable": (
        "receivers: [{name: a, wecom_robot: {key: ${EMPTY}}}]\n",
        "t.yaml:2:42: receivers[0].wecom_robot.key: the environment variable EMPTY is empty\n"
        "    → set it: export EMPTY=…",
    ),
    "variable without a name": (
        "receivers: [{name: a, wecom_robot: {key: '${a-b}'}}]\n",
        "t.yaml:2:42: receivers[0].wecom_robot.key: `${a-b}` names no environment variable\n    → write it as ${NAME}",
    ),
    "secret and its file": (
        "receivers: [{name: a, wecom_robot: {key: ${KEY}, key_file: f}}]\n",
        "t.yaml:2:37: receivers[0].wecom_robot.key: both `key` and `key_file` are given\n    → keep one of them",
    ),
    "secret file that is a list": (
        "receivers: [{name: a, wecom_robot: {key_file: [f]}}]\n",
        "t.yaml:2:47: receivers[0].wecom_robot.key_file: the path of a file belongs here",
    ),
    "missing key of a channel": (
        "receivers: [{name: a, wecom_robot: {}}]\n",
        "t.yaml:2:36: receivers[0].wecom_robot.key: the key `key` is missing\n    → key: Key of the robot.",
    ),
    "what a channel objects to": (
        "receivers: [{name: a, slack: {channel: C1}}]\n",
        "t.yaml:2:30: receivers[0].slack: slack needs either `token` with `channel`, or `webhook`",
    ),
    "empty value": (
        "receivers: [{name: a, wecom_robot: {key: ''}}]\n",
        "t.yaml:2:42: receivers[0].wecom_robot.key: the value is empty",
    ),
    "receiver without channel": (
        "receivers: [{name: a}]\n",
        "t.yaml:2:13: receivers[0]: this receiver has no channel\n    → give it one of: slack, wecom_robot",
    ),
    "unknown channel": (
        "receivers: [{name: a, wecom: {key: ${KEY}}}]\n",
        "t.yaml:2:23: receivers[0].wecom: unknown key `wecom`\n    → did you mean `wecom_robot`?",
    ),
    "route to nobody": (
        "receivers: [{name: pr-duty, wecom_robot: {key: ${KEY}}}]\nroutes: [{to: pr-duti}]\n",
        "t.yaml:3:15: routes[0].to: there is no receiver `pr-duti`\n    → did you mean `pr-duty`?",
    ),
    "escalation to nobody": (
        "receivers: [{name: a, wecom_robot: {key: ${KEY}}}]\nroutes: [{to: a, escalate: [{after: 5m, to: zzz}]}]\n",
        "t.yaml:3:45: routes[0].escalate[0].to: there is no receiver `zzz`\n    → known: a",
    ),
    "escalation out of order": (
        "receivers: [{name: a, wecom_robot: {key: ${KEY}}}]\n"
        "routes: [{to: a, escalate: [{after: 9m, to: a}, {after: 5m, to: a}]}]\n",
        "t.yaml:3:28: routes[0].escalate: the steps are not in order\n"
        "    → each `after` must be longer than the one before",
    ),
    "operator that is nobody": (
        "operator: ops\n",
        "t.yaml:2:11: operator: there is no receiver `ops`\n    → the file has no receiver yet",
    ),
    "fallback to itself": (
        "receivers: [{name: a, wecom_robot: {key: ${KEY}}, fallback: a}]\n",
        "t.yaml:2:61: receivers[0].fallback: a receiver cannot be its own fallback",
    ),
    "fallbacks in a circle": (
        "receivers:\n- {name: a, wecom_robot: {key: ${KEY}}, fallback: b}\n"
        "- {name: b, wecom_robot: {key: ${KEY}}, fallback: a}\n",
        "t.yaml:3:1: receivers: fallbacks lead in a circle: a → b → a\n    → end it at one of them",
    ),
    "unknown brand": (
        "sources: [{platform: page, brands: [yunsan]}]\n",
        "t.yaml:2:36: sources[0].brands: there is no brand `yunsan`\n    → did you mean `yunshan`?",
    ),
    "account of an unknown brand": (
        "accounts: [{platform: weibo, id: 7, brand: yunsan}]\n",
        "t.yaml:2:44: accounts[0].brand: there is no brand `yunsan`\n    → did you mean `yunshan`?",
    ),
    "account on an unknown platform": (
        "accounts: [{platform: weibbo, id: 7}]\n",
        "t.yaml:2:23: accounts[0].platform: there is no platform with accounts `weibbo`\n    → did you mean `weibo`?",
    ),
    "account on a road": (
        "accounts: [{platform: import, id: 7}]\n",
        "t.yaml:2:23: accounts[0].platform: there is no platform with accounts `import`\n    → known: page, weibo",
    ),
    "account that stands twice": (
        "accounts: [{platform: weibo, id: Ab}, {platform: weibo, id: aB, role: watch}]\n",
        "t.yaml:2:39: accounts[1]: the account `aB` of weibo stands twice\n    → keep this one or accounts[0]",
    ),
    "account id with a blank": (
        "accounts: [{platform: weibo, id: '云杉 咖啡'}]\n",
        "t.yaml:2:34: accounts[0].id: an id has no blanks\n    → write it as it stands in the account's address",
    ),
    "name with a space": (
        "rules: [{name: a b, kind: burst}]\n",
        "t.yaml:2:16: rules[0].name: `a b` cannot be a name\n    → letters, digits, - _ . without spaces; at most 64",
    ),
    "rules of one name": (
        "rules: [{name: a, kind: burst}, {name: a, kind: burst}]\n",
        "t.yaml:2:8: rules: 2 entries are called `a`\n    → rename or delete one of them",
    ),
    "sources of one name": (
        "sources: [{platform: weibo}, {platform: weibo}]\n",
        "t.yaml:2:10: sources: 2 entries are called `weibo`\n    → give each source its own `name`",
    ),
    "key twice": (
        "locale: zh\nlocale: en\n",
        "t.yaml:3:1: locale: the key stands twice, first in line 2\n    → keep one of them",
    ),
    "key that is a list": ("? [a]\n: b\n", "t.yaml:2:3: a key must be a plain word"),
    "topic without query": ("topics: [{id: a}]\n", "t.yaml:2:10: topics[0].query: the key `query` is missing"),
    "risk without weight": (
        "risks: [{id: a, name: b, name_en: c, strong: true}]\n",
        "t.yaml:2:9: risks[0].weight: the key `weight` is missing\n"
        "    → weight: Share of severity it brings alone, in (0, 1).",
    ),
    "tab": (
        "network:\n\ttimeout: 3s\n",
        "t.yaml:3:1: a tab is used for indentation\n    → YAML wants spaces: replace each tab by two spaces",
    ),
    "bracket never closed": (
        "sources: [{platform: feed}\n",
        "t.yaml:3:1: not YAML: expected ',' or ']', but got '<stream end>'\n"
        "    → check quotes, brackets and indentation here and on the line above",
    ),
    "colon in a plain text": (
        "operator: a: b\n",
        "t.yaml:2:12: not YAML: mapping values are not allowed here\n"
        "    → a text with `: ` in it must be quoted; or the indentation is off",
    ),
    "text that begins with a sign": (
        "operator: @me\n",
        "t.yaml:2:11: not YAML: found character '@' that cannot start any token\n"
        "    → a text that begins with @ or ` or % must be quoted",
    ),
    "alias without anchor": (
        "operator: *me\n",
        "t.yaml:2:11: not YAML: found undefined alias 'me'\n    → a value that begins with * must be quoted",
    ),
    "two documents": (
        "---\nlocale: zh\n",
        "t.yaml:2:1: the file holds a second document after `---`\n    → keep one document per file",
    ),
    "forbidden character": (
        "locale: \x01zh\n",
        "t.yaml:2: a character that YAML does not allow (U+0001)\n    → delete it; it is often invisible",
    ),
}


def problems(text: str, folder: Path = Path("/tmp")) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        load_text(text, SPECS, folder=folder, environ=ENVIRONMENT, defaults=NO_DEFAULTS, file="t.yaml")
    return caught.value.problems


@pytest.mark.parametrize("name", list(CASES))
def test_mistake_has_its_own_message(name: str) -> None:
    text, expected = CASES[name]
    assert [str(problem) for problem in problems(BRAND + text)] == [expected]


def test_messages_differ_from_each_other() -> None:
    said = [expected for _, expected in CASES.values()]
    assert len(set(said)) == len(said) > 10


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("# only a comment\n", "the file is empty"),
        ("''\n", "the file is empty"),
        ("- a\n", "it holds a list"),
        ("hello\n", "it holds a text"),
        ("locale: zh\n", "no brand is watched"),
        ("brands: []\n", "no brand is watched"),
        ("brands: [{name: }]\n", "a brand needs `id` or `name`"),
        ("brands: [x]\n", "a mapping (key: value) belongs here, not the text `x`"),
        ("brands: [{id: UPPER}]\n", "lower-case letters"),
        ("brands: [{id: a, query: 'a and (', name: b}]\n", "this query cannot be read"),
        ("brands: &a [*a]\n", "an alias (*name) that holds itself"),
        ("a: " + "[" * 60 + "]" * 60, "nested deeper than 40"),
        ("a: " + "[" * 5000 + "]" * 5000, "nested deeper than 40"),
    ],
)
def test_file_as_a_whole_is_judged(text: str, said: str) -> None:
    assert said in "\n".join(str(problem) for problem in problems(text))


def test_alias_bomb_is_refused_without_being_built() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "once aliases (*name) are followed" in str(problems("\n".join(rows))[0])


def test_all_problems_come_at_once_in_order_of_the_file() -> None:
    text = BRAND + "locale: fr\nhealthz: {port: x}\nsources: [{platform: nope}]\noperator: ops\n"
    assert [problem.line for problem in problems(text)] == [2, 3, 4, 5]


def test_a_broken_entry_causes_no_second_message_where_it_is_referred_to() -> None:
    text = "brands: [{id: yunshan, query: '(a'}]\nsources: [{platform: page, brands: [yunshan]}]\n"
    assert [problem.key_path for problem in problems(text)] == ["brands[0].query"]


def test_missing_file_names_the_command_that_writes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file") as caught:
        load(tmp_path / "none.yaml", SPECS)
    assert "tingfeng init" in caught.value.problems[0].fix


def test_folder_is_no_settings_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="this is a folder"):
        load(tmp_path, SPECS)


def test_file_behind_a_file_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "a" / "b.yaml", SPECS)


def test_file_that_is_not_utf8_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_bytes(b"locale: zh\nbrands: [{name: " + "云杉".encode("gbk") + b"}]\n")
    with pytest.raises(ConfigError, match="not UTF-8") as caught:
        load(path, SPECS)
    assert caught.value.problems[0].line == 2


def test_huge_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_bytes(b"#" * 2_000_001)
    with pytest.raises(ConfigError, match="more than 2,000,000"):
        load(path, SPECS)


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot be read"), (b"", "is empty"), (b"\xff\xfe", "holds no text"), (b"x" * 70_000, "too big")],
)
def test_secret_file_that_is_no_use_is_named(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    found = problems(BRAND + "receivers: [{name: a, wecom_robot: {key_file: key}}]\n", tmp_path)
    assert said in found[0].problem
    assert str(tmp_path / "key") in found[0].problem


def test_secret_file_named_by_an_unset_variable(tmp_path: Path) -> None:
    found = problems(BRAND + "receivers: [{name: a, wecom_robot: {key_file: ${NOT_SET}}}]\n", tmp_path)
    assert "NOT_SET is not set" in found[0].problem


@pytest.mark.parametrize(
    "value",
    [
        "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693axxx6-7aoc-4bc4-97a0-0ec2sifa5aaa",
        "https://user:hunter22@example.com/",
        "xoxb-1234-hunter22",
        "https://hooks.slack.com/services/T0/B0/hunter22",
        "0123abcd-0123-0123-0123-0123456789ab",
    ],
)
def test_quoted_value_shows_no_credential(value: str) -> None:
    shown = quote(value)
    assert "hunter22" not in shown
    assert "693axxx6" not in shown
    assert "0123456789ab" not in shown
    assert "***" in shown


def test_messages_quote_the_file_and_never_the_variable_behind_it() -> None:
    text = BRAND + "public_url: ${HIDDEN}\nhealthz: {port: ${HIDDEN}}\nlocale: ${HIDDEN}\n"
    with pytest.raises(ConfigError) as caught:
        load_text(text, SPECS, folder=Path("/tmp"), environ={"HIDDEN": "s3cr3t"}, defaults=NO_DEFAULTS)
    assert "s3cr3t" not in str(caught.value)
    assert "${HIDDEN}" in str(caught.value)


def test_syntax_error_shows_no_line_of_the_file() -> None:
    said = str(problems("token: hunter22: x\n")[0])
    assert "hunter22" not in said
