"""What a settings file says is what the service is told."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from config import NO_DEFAULTS, ConfigError, Packaged, Settings, default_settings, load, load_text
from config.document import read_text
from config.settings import AccountSettings, RouteSettings
from domain.incident import Severity
from domain.secret import Secret
from tests.config.fakes import SPECS, BurstOptions, MatchOptions, RobotOptions, SlackOptions, WatchOptions

BRAND = "brands: [{id: yunshan, name: 云杉咖啡}]\n"
ENVIRONMENT = {"WECOM_KEY": "k-1", "SLACK_TOKEN": "t-1", "WEIBO_TOKEN": "w-1", "PORT": "9000", "DATA": "/srv/data"}
SKETCH = """
brands:
  - id: yunshan
    name: 云杉咖啡
    query: '(云杉咖啡 or "云杉拿铁" or 云杉 NEAR/10 咖啡) and not 云杉树'
    competitors: [白鹿茶饮]
sources:
  - {platform: feed, url: "https://news.example/rss"}
  - {platform: weibo, transport: official, token: ${WEIBO_TOKEN}}
rules:
  - {name: negative-burst, kind: burst, on: negative, severity: critical}
  - {name: food-safety, kind: match, query: 'risk: food_safety and author.followers > 10000', severity: critical}
receivers:
  - {name: pr-duty, wecom_robot: {key: ${WECOM_KEY}}, slack: {token: ${SLACK_TOKEN}, channel: C0123}, fallback: mail}
  - {name: pr-head, wecom_robot: {key: ${WECOM_KEY}}}
  - {name: mail, wecom_robot: {key: ${WECOM_KEY}}}
routes:
  - {match: 'severity: critical', to: pr-duty, escalate: [{after: 15m, to: pr-head}]}
"""


def settings(text: str, folder: Path = Path("/tmp"), defaults: Packaged = NO_DEFAULTS) -> Settings:
    return load_text(text, SPECS, folder=folder, environ=ENVIRONMENT, defaults=defaults)


def test_the_sketch_of_the_design_is_read_as_meant() -> None:
    read = settings(SKETCH)
    assert read.brands[0].competitors == ("白鹿茶饮",)
    assert [(one.name, one.platform, one.transport) for one in read.sources] == [
        ("feed-news.example-rss", "feed", "open"),
        ("weibo-official", "weibo", "official"),
    ]
    assert read.sources[1].token == Secret("w-1")
    assert [(one.name, one.kind, one.severity) for one in read.rules] == [
        ("negative-burst", "burst", Severity.CRITICAL),
        ("food-safety", "match", Severity.CRITICAL),
    ]
    assert read.rules[0].options == BurstOptions(on="negative")
    assert read.rules[1].options == MatchOptions(query="risk: food_safety and author.followers > 10000")
    assert read.receivers[0].channels == (
        ("wecom_robot", RobotOptions(key=Secret("k-1"))),
        ("slack", SlackOptions(token=Secret("t-1"), channel="C0123")),
    )
    assert read.receivers[0].fallback == "mail"
    assert read.routes[0].match == "severity: critical"
    assert read.routes[0].escalate[0].after == timedelta(minutes=15)


def test_everything_left_out_has_its_default() -> None:
    read = settings(BRAND)
    assert read.locale == "zh"
    assert read.data_dir == Path("/tmp/tingfeng-data")
    assert read.public_url is None
    assert read.health.port == 8650
    assert read.retention.candidates == timedelta(days=14)
    assert read.sources == read.rules == read.receivers == read.routes == ()


def test_keys_without_a_value_are_as_if_left_out() -> None:
    read = settings(BRAND + "sources:\nreceivers: ~\nnetwork:\nhealthz:\nlocale:\ndata_dir:\npublic_url: null\n")
    assert read == settings(BRAND)


def test_python_names_that_yaml_writes_otherwise() -> None:
    read = settings(
        BRAND
        + "healthz: {port: 1, host: 127.0.0.2}\n"
        + "receivers: [{name: a, wecom_robot: {key: ${WECOM_KEY}}}]\nroutes: [{to: a, continue: yes}]\n"
    )
    assert (read.health.port, read.health.host) == (1, "127.0.0.2")
    assert read.routes == (RouteSettings(to="a", proceed=True),)


def test_brand_needs_no_more_than_a_name() -> None:
    brand = settings('brands: [{name: "Luckin Coffee", aliases: [瑞幸, "a\\"b"]}]\n').brands[0]
    assert brand.id == "luckin-coffee"
    assert brand.query == '"Luckin Coffee" or "瑞幸" or "a\\"b"'


def test_brand_with_an_id_alone_is_called_by_it() -> None:
    brand = settings("brands: [{id: 云杉}]\n").brands[0]
    assert (brand.id, brand.name, brand.query) == ("云杉", "云杉", '"云杉"')


def test_words_that_yaml_would_turn_into_something_else_stay_words() -> None:
    read = settings("brands: [{id: no, name: 1.10, aliases: [on, 007, 2026-06-20]}]\n")
    assert read.brands[0].name == "1.10"
    assert read.brands[0].aliases == ("on", "007", "2026-06-20")


def test_one_word_stands_for_a_list_of_one() -> None:
    read = settings(BRAND + "sources: [{platform: gdelt, query: 云杉, brands: yunshan}]\n")
    assert read.sources[0].query == ("云杉",)
    assert read.sources[0].brands == ("yunshan",)
    assert read.sources[0].name == "gdelt-云杉"


def test_platform_keys_stand_beside_the_common_ones() -> None:
    source = settings(BRAND + "sources: [{platform: import, watch: ./drop, interval: 1m30s}]\n").sources[0]
    assert source.options == WatchOptions(watch=Path("/tmp/drop"))
    assert source.interval == timedelta(seconds=90)


def test_derived_source_name_holds_nothing_of_the_query_string() -> None:
    text = BRAND + 'sources: [{platform: feed, url: "https://u:p@a.example/x?key=hunter22"}]\n'
    name = settings(text).sources[0].name
    assert name.startswith("feed-a.example-x-")
    assert "hunter22" not in name


def test_variables_are_replaced_in_any_value() -> None:
    read = settings(BRAND + "healthz: {port: ${PORT}}\ndata_dir: ${DATA}/x\n")
    assert read.health.port == 9000
    assert read.data_dir == Path("/srv/data/x")


def test_doubled_dollar_stands_for_itself() -> None:
    assert settings('brands: [{id: a, name: "$${NAME}"}]\n').brands[0].name == "${NAME}"


def test_an_application_stands_for_a_token_and_a_file_stays_known(tmp_path: Path) -> None:
    (tmp_path / "s3cret").write_text("s3cret\n")
    text = "sources: [{platform: weibo, transport: official, client_id: app, client_secret_file: s3cret}]\n"
    (read,) = settings(BRAND + text, tmp_path).sources
    assert (read.token, read.client_id, read.client_secret) == (None, "app", Secret("s3cret"))
    assert read.client_secret is not None and read.client_secret.path == tmp_path / "s3cret"


def test_secret_can_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k-2\n", encoding="utf-8")
    read = settings(BRAND + "receivers: [{name: a, wecom_robot: {key_file: key}}]\n", tmp_path)
    assert read.receivers[0].channels[0][1].key == Secret("k-2")


def test_secrets_show_nowhere_in_the_settings() -> None:
    shown = repr(settings(SKETCH))
    assert all(secret not in shown for secret in ("k-1", "t-1", "w-1"))


def test_mapping_values_and_quoted_empty_texts_are_kept() -> None:
    text = 'receivers: [{name: a, wecom_robot: {key: ${WECOM_KEY}, headers: {X-A: "1"}, mention: []}}]\n'
    text += 'routes: [{match: "", to: a}]\n'
    read = settings(BRAND + text)
    assert read.receivers[0].channels[0][1].headers == {"X-A": "1"}
    assert read.routes[0].match == ""


def test_merge_keys_and_anchors_are_followed() -> None:
    text = """
sources:
  - &news {platform: feed, name: a, url: "https://a.example/", interval: 7m, outlet: A}
  - {<<: *news, name: b, url: "https://b.example/"}
  - {<<: [*news, {tier: 门户}], name: c}
"""
    read = settings(BRAND + text)
    assert [(one.name, one.interval, one.outlet, one.tier) for one in read.sources] == [
        ("a", timedelta(minutes=7), "A", None),
        ("b", timedelta(minutes=7), "A", None),
        ("c", timedelta(minutes=7), "A", "门户"),
    ]


def test_proxy_may_stand_at_the_top_or_under_network() -> None:
    top = settings(BRAND + "proxy: env\nno_proxy: [.example.cn]\nnetwork: {timeout: 5s}\n").network
    assert (top.proxy, top.no_proxy, top.timeout) == ("env", (".example.cn",), timedelta(seconds=5))
    assert settings(BRAND + "network: {proxy: 'socks5://127.0.0.1:1'}\n").network.proxy == "socks5://127.0.0.1:1"


def test_file_is_read_with_its_own_folder_and_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "tingfeng.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + BRAND.encode() + b"data_dir: ../elsewhere\n")
    read = load(path, SPECS, environ={}, defaults=NO_DEFAULTS)
    assert read.path == path.resolve()
    assert read.data_dir == tmp_path.resolve().parent / "elsewhere"


def test_environment_of_the_process_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINGFENG_TEST_PORT", "1234")
    text = BRAND + "healthz: {port: ${TINGFENG_TEST_PORT}}\n"
    assert load_text(text, SPECS, folder=tmp_path, defaults=NO_DEFAULTS).health.port == 1234


@pytest.mark.skipif(os.name != "posix", reason="file modes are a matter of POSIX")
@pytest.mark.parametrize(("mode", "warned"), [(0o644, True), (0o640, True), (0o600, False)])
def test_readable_file_with_literal_secrets_is_warned_of(tmp_path: Path, mode: int, warned: bool) -> None:
    path = tmp_path / "tingfeng.yaml"
    path.write_text(BRAND + "receivers: [{name: a, wecom_robot: {key: hunter22}}]\n", encoding="utf-8")
    path.chmod(mode)
    warnings = load(path, SPECS, environ={}, defaults=NO_DEFAULTS).warnings
    assert any("chmod 600" in said for said in warnings) is warned
    assert not any("hunter22" in said for said in warnings)


def test_readable_file_without_literal_secrets_is_fine(tmp_path: Path) -> None:
    path = tmp_path / "tingfeng.yaml"
    path.write_text(SKETCH, encoding="utf-8")
    path.chmod(0o644)
    assert not any("chmod" in said for said in load(path, SPECS, environ=ENVIRONMENT, defaults=NO_DEFAULTS).warnings)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no source is configured"),
        ("", "no receiver is configured"),
        ("receivers: [{name: a, wecom_robot: {key: ${WECOM_KEY}}}]\n", "no route is configured"),
        ("public_url: http://localhost:8000\n", "this machine only"),
        ("public_url: http://127.0.0.1/\n", "this machine only"),
        ("kibana: {url: 'http://localhost:5601'}\n", "kibana.url http://localhost:5601 is this machine only"),
        ("sources: [{platform: page, robots: override}]\n", "robots.txt is overridden"),
        ("sources: [{platform: page, verify_tls: no}]\n", "certificate is not checked"),
        (
            "receivers: [{name: a, wecom_robot: {key: ${WECOM_KEY}}}, {name: b, wecom_robot: {key: ${WECOM_KEY}}}]\n"
            "routes: [{to: a}]\n",
            "receiver b: no route leads to it",
        ),
    ],
)
def test_what_may_not_be_meant_is_warned_of(text: str, said: str) -> None:
    assert any(said in warning for warning in settings(BRAND + "locale: en\n" + text).warnings)


def test_warnings_are_chinese_by_default() -> None:
    assert settings(BRAND).warnings[0].startswith("没有配置任何来源")


def test_default_settings_need_no_file_and_warn_of_nothing(tmp_path: Path) -> None:
    read = default_settings(SPECS, folder=tmp_path, defaults=NO_DEFAULTS)
    assert read.brands == ()
    assert read.warnings == ()
    assert read.data_dir == tmp_path.resolve() / "tingfeng-data"


# --- packaged entries ----------------------------------------------------------------------------------------

BELOW = read_text(
    """
rules:
  - {name: burst, kind: burst, severity: critical, least: 9}
  - {name: match, kind: match, query: x}
topics:
  - {id: quality, name: 质量, name_en: quality, query: 质量}
  - {id: price, name: 价格, name_en: price, query: 价格}
risks:
  - {id: fire, name: 起火, name_en: fire, weight: 0.9, strong: true, words: [起火, 自燃]}
""",
    file="below.yaml",
    folder=Path("/tmp"),
)
PACKAGED = Packaged(**{str(key.value): tuple(value.value) for key, value in BELOW.root.value})


def test_packaged_entries_hold_where_the_file_is_silent() -> None:
    read = settings(BRAND, defaults=PACKAGED)
    assert [one.name for one in read.rules] == ["burst", "match"]
    assert [one.id for one in read.topics] == ["quality", "price"]
    assert read.risks[0].words == ("起火", "自燃")


def test_rule_of_the_same_name_changes_only_what_it_gives() -> None:
    read = settings(
        BRAND + "rules: [{name: burst, severity: info}, {name: own, kind: match, query: y}]\n", defaults=PACKAGED
    )
    assert [(one.name, one.severity) for one in read.rules] == [
        ("match", Severity.HIGH),
        ("burst", Severity.INFO),
        ("own", Severity.HIGH),
    ]
    assert read.rules[1].options.least == 9


def test_rule_of_the_same_name_and_another_kind_replaces() -> None:
    rules = settings(BRAND + "rules: [{name: burst, kind: match, query: z}]\n", defaults=PACKAGED).rules
    assert {one.name: one.options for one in rules}["burst"] == MatchOptions(query="z")


def test_rule_can_be_switched_off() -> None:
    rules = settings(BRAND + "rules: [{name: burst, enabled: false}]\n", defaults=PACKAGED).rules
    assert [one.enabled for one in rules if one.name == "burst"] == [False]


def test_topics_and_risks_are_changed_added_and_left_out() -> None:
    text = """
topics:
  - {id: price, enabled: false}
  - {id: quality, query: 品控}
  - {id: own, query: 自己}
risks:
  - {id: fire, add_words: [冒烟, 起火]}
"""
    read = settings(BRAND + text, defaults=PACKAGED)
    assert [(one.id, one.name, one.query) for one in read.topics] == [
        ("quality", "质量", "品控"),
        ("own", "own", "自己"),
    ]
    assert read.risks[0].words == ("起火", "自燃", "冒烟")


def test_mistake_in_an_overlay_is_placed_in_the_file() -> None:
    with pytest.raises(ConfigError) as caught:
        settings(
            BRAND + "rules: [{name: burst, least: many}]\ntopics: [5]\nrisks: [{id: fire, weight: x}]\n",
            defaults=PACKAGED,
        )
    assert [(one.file, one.key_path) for one in caught.value.problems] == [
        ("tingfeng.yaml", "rules[0].least"),
        ("tingfeng.yaml", "topics[0]"),
        ("tingfeng.yaml", "risks[0].weight"),
    ]


def test_accounts_are_read_with_numbers_as_ids() -> None:
    read = settings(
        BRAND
        + "accounts:\n- {platform: weibo, id: 7900010001, name: 云杉咖啡, brand: yunshan}\n"
        + "- {platform: page, id: x, role: watch, brand: null}\n"
    )
    assert read.accounts == (
        AccountSettings(platform="weibo", id="7900010001", name="云杉咖啡", brand="yunshan"),
        AccountSettings(platform="page", id="x", role="watch"),
    )
