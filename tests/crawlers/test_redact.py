"""Nothing of persons and no credential is left in a recorded answer, and the parser reads it as before."""

import base64
import html
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from crawlers.base import Parsed, Response
from crawlers.invent import Inventor, mid_of_bid
from crawlers.parse import _Job
from crawlers.platforms import build_platform, platform_specs
from crawlers.redact import Redactor, difference
from domain.weibo_id import mid_to_bid
from tests.crawlers.pages import NOW, parse, platform_of
from tests.crawlers.test_manifest import FOLDERS

SUB, KEY, ODD = "_2AkMSxyZ9fNxqwJRmP0QTy2vhaIp", "sk-7f3a91c2d4e85b60", 'p&ss"w/rd+=<1>云'
COOKIE = f"SUB={SUB}; SUBP=0033WrSXqPxfM72-Ws9jqgMF55529P9D9Wh; ALF=1784532600; lang=zh"


def redacted(endpoint: str, body: str | bytes, *secrets: str, keep: tuple[str, ...] = (), url: str = "https://x.example.cn/f",
             **headers: str) -> tuple[Response, str, Redactor]:  # fmt: skip
    response = Response(url=url, body=body.encode() if isinstance(body, str) else body, now=NOW,
                        headers={name.replace("_", "-"): value for name, value in headers.items()})  # fmt: skip
    redactor = Redactor(secrets, seed="seed", keep=keep, hosts=("weibo.com",))
    redactor.learn(endpoint, response, platform_of(endpoint).parse(endpoint, response))
    after = redactor.response(response)
    return after, after.body.decode(), redactor


def _payloads() -> list[tuple[Path, dict[str, Any]]]:
    listed = [(folder, json.loads((folder / "expected.json").read_text("utf-8"))) for folder in FOLDERS]
    return [(folder, {"now": m.get("reference_now"), **entry}) for folder, m in listed for entry in m["files"]]


PLATFORMS = {prefix: page for page in map(build_platform, platform_specs()) for prefix in page.prefixes}


@pytest.mark.parametrize(
    ("folder", "entry"),
    [pytest.param(folder, e, id=f"{folder.parent.name}/{folder.name}/{e['file']}") for folder, e in _payloads()],
)
def test_each_payload_reads_the_same_and_names_nobody(folder: Path, entry: dict[str, Any]) -> None:
    response = _Job(folder, entry, "", PLATFORMS)._response({})
    endpoint = entry["endpoint"]
    before = platform_of(endpoint).parse(endpoint, response)
    redactor = Redactor([], seed=entry["file"])
    redactor.learn(endpoint, response, before)
    after = redactor.response(response)
    read = platform_of(endpoint).parse(endpoint, after)
    assert difference(before, read) == ""
    assert redactor.leaks(after) == []
    for one, other in zip(before.posts, read.posts, strict=True):
        assert one.author.name != other.author.name or not one.author.name
        assert one.platform == "web" or one.native_id != other.native_id
        assert one.published_precision is other.published_precision


def _spelled(secret: str) -> dict[str, str]:
    """Return a secret as pages may write it."""
    return {
        "json": json.dumps(secret)[1:-1],
        "json slashes": json.dumps(secret).replace("/", r"\/")[1:-1],
        "json in json": json.dumps(json.dumps(secret))[3:-3],
        "html": html.escape(secret),
        "entities": "".join(f"&#{ord(char)};" for char in secret),
        "hexadecimal entities": "".join(f"&#x{ord(char):X};" for char in secret),
        "address": quote(secret, safe=""),
        "address in small letters": quote(secret, safe="").lower() if secret.isupper() else quote(secret, safe="/"),
        "address in an address": quote(quote(secret, safe=""), safe=""),
        "base64": base64.b64encode(secret.encode()).decode(),
        "base64 behind one": base64.b64encode(b"u" + secret.encode() + b":x").decode(),
        "base64 behind two": base64.b64encode(b"u:" + secret.encode()).decode(),
        "base64 of addresses": base64.urlsafe_b64encode(b"ab" + secret.encode() + b"c").decode(),
        "hexadecimal": secret.encode().hex(),
        "unicode": "".join(f"\\u{ord(char):04x}" for char in secret),
    }


@pytest.mark.parametrize("way", list(_spelled("x")))
@pytest.mark.parametrize("secret", [SUB, KEY, ODD])
def test_a_credential_is_found_in_whatever_form(secret: str, way: str) -> None:
    spelled = _spelled(secret)[way]
    for body in (f'{{"data": {{"x": "{spelled}"}}}}', f"<html><script>var a = '{spelled}';</script></html>"):
        _, text, redactor = redacted("weibo.m_search", body, secret)
        assert spelled not in text
        assert redactor.leaks(Response(url="https://x.cn/", body=body.encode(), now=NOW)) == ["credential"]


PLANTED = {
    "cookie": SUB,
    "second part of the cookie": "0033WrSXqPxfM72-Ws9jqgMF55529P9D9Wh",
    "key": KEY,
    "key with signs": ODD,
    "xsec_token": "ABx9Qm2_token-of-a-note7=",
    "msToken": "mS1oken-1234567890abcdefg",
    "signature": "5f3e2d1c0b9a88776655443322110099",
    "session": "s%3Aq1w2e3r4t5y6u7i8o9p0",
    "JWT": "eyJhbGciOiJIUzI1NiJ9.eyJ1aWQiOiI3NzEyMyJ9.c2lnbmF0dXJlLW9mLWl0",
    "bearer": "abcdEFGH12345678.token",
    "author": "张三丰的咖啡日记",
    "author in latin": "zhang_sanfeng88",
    "mentioned": "李四不爱喝拿铁",
    "nobody's post": "王五六",
    "uid": "7712345678",
    "sec_uid": "MS4wLjABAAAAq1W2e3R4t5Y6u7I8o9",
    "avatar": "https://tvax1.sinaimg.cn/crop.0.0.512.512.180/0077abcdly8.jpg",
    "second avatar": "https://p3.example-pic.com/aweme/100x100/f00d.jpeg",
    "phone": "13812345678",
    "phone with signs": "139-8765-4321",
    "landline": "021-61234567",
    "email": "zhang.san@mail.example.cn",
    "identity card": "31010119900307123X",
    "bank card": "6222021001112223334",
    "IPv4": "223.104.5.77",
    "IPv6": "240e:3b1:5c2a:90:8d1:2f3:4a5:6b7",
    "QQ": "1234509876",
    "chat name": "zs_coffee_1990",
    "mid": "5311901742082998",
    "bid": mid_to_bid("5311901742082998"),
    "uuid of a captcha": "7d1e4c2b-9a8f-4e6d-b5c3-0f1a2b3c4d5e",
    "device": "buvid-9A8B7C6D5E4F-infoc",
}


def planted() -> dict[str, tuple[str, bytes, dict[str, str], str]]:
    """Return answers as they may come, (endpoint, body, headers, address) by name; each secret is in several."""
    p = PLANTED
    said = (
        f"@{p['mentioned']} 电话{p['phone']}，或 {p['phone with signs']}、{p['landline']}，"
        f"邮箱{p['email']}，身份证{p['identity card']}，卡号{p['bank card']}，QQ:{p['QQ']}，"
        f"微信号：{p['chat name']}，IP {p['IPv4']} 与 {p['IPv6']}"
    )
    user = {"id": int(p["uid"]), "screen_name": p["author"], "avatar_hd": p["avatar"], "sec_uid": p["sec_uid"],
            "avatar_larger": p["second avatar"], "followers_count": 1200}  # fmt: skip
    status = {
        "id": p["mid"], "mid": p["mid"], "bid": p["bid"], "created_at": "Sat Jun 20 15:12:08 +0800 2026", "text": said,
        "reposts_count": 3, "comments_count": 4, "attitudes_count": "1.2万", "user": user,
    }  # fmt: skip
    other = {"subp": p["second part of the cookie"], "user": {"id": 1, "name": p["nobody's post"]},
             "sign": p["signature"], "msToken": p["msToken"], "device_id": p["device"],
             "session_key": p["session"], "jwt": p["JWT"], "k": p["key with signs"]}  # fmt: skip
    cards = {"ok": 1, "data": {"cardlistInfo": {"page": 2}, "cards": [{"card_type": 9, "mblog": status}], "x": other}}
    link = f"https://www.toutiao.com/article/7612345678901234567/?sid={p['session']}"
    card = {"title": "云杉咖啡", "article_url": link, "abstract": said, "media_name": p["author"]}
    card |= {"group_id": "7612345678901234567", "xsec_token": p["xsec_token"]}
    embedded = json.dumps({"data": card | {"publish_time": 1781930400, "comment_count": 231}})
    page = (
        f"<html><head><!-- {p['key']} --></head><body data-user='{html.escape(json.dumps(user))}'>"
        f"<script data-druid-card-data-id='1' type='application/json'>{embedded}</script>"
        f"<script>var ip='{p['IPv4']}';document.cookie=\"SUB={p['cookie']};path=/\";"
        f"window._t = {{avatar: \"{p['avatar']}\", Authorization: 'Bearer {p['bearer']}', "
        f'nickname: "{p["author in latin"]}"}}</script>'
        f"<a href='/u?q={quote(p['key with signs'], safe='')}&amp;signature={p['signature']}'>{p['author']}</a>"
        "</body></html>"
    )
    feed = (
        "<rss version='2.0'><channel><title>站</title><item><title>云杉</title>"
        f"<link>https://a.cn/1?msToken={p['msToken']}&amp;x=1</link>"
        f"<author>{p['email']} ({p['author in latin']})</author><description>{html.escape(said)} "
        f"&lt;img src=&quot;{p['avatar']}&quot;&gt; {base64.b64encode(p['cookie'].encode()).decode()}</description>"
        "</item></channel></rss>"
    )
    headers = {
        "set-cookie": f"SUB={p['cookie']}", "authorization": p["bearer"], "content-type": "text/html; charset=utf-8",
        "verifyuuid": p["uuid of a captcha"], "location": f"https://x.cn/?token={p['session']}&uid={p['uid']}",
        "x-log": p["JWT"],
    }  # fmt: skip
    api = (
        "https://m.weibo.cn/api/container/getIndex?containerid=100103type%3D61%26q%3D%E4%BA%91%E6%9D%89&SUB="
        + p["cookie"]
    )
    return {
        "json": ("weibo.m_search", json.dumps(cards).encode(), {}, api + f"&uid={p['uid']}&mid={p['mid']}"),
        "chinese": ("weibo.m_search", json.dumps(cards, ensure_ascii=False).encode(), {}, api),
        "page": (
            "toutiao.search",
            page.encode(),
            headers,
            f"https://so.toutiao.com/search?keyword=x&token={p['session']}",
        ),
        "feed": ("rss.rss2", feed.encode(), headers, "https://a.cn/f?key=" + p["key"]),
        "gbk": ("rss.rss2", ("<?xml version='1.0' encoding='gb2312'?>" + feed).encode("gb18030"), {}, "https://a.cn/f"),
    }


def test_thirty_planted_secrets_are_in_no_redacted_answer() -> None:
    assert len(PLANTED) >= 30
    answers, before = {}, {}
    redactor = Redactor([COOKIE, KEY, ODD], seed="seed", keep=("云杉咖啡",))
    for name, (endpoint, body, headers, url) in planted().items():
        answers[name] = Response(url=url, headers=headers, body=body, now=NOW)
        before[name] = platform_of(endpoint).parse(endpoint, answers[name])
        assert before[name].posts, name
        redactor.learn(endpoint, answers[name], before[name])
    found = set()
    for name, (endpoint, _, _, _) in planted().items():
        after = redactor.response(answers[name])
        assert difference(before[name], platform_of(endpoint).parse(endpoint, after)) == "", name
        assert redactor.leaks(after) == []
        for what, secret in PLANTED.items():
            forms = {secret, *_spelled(secret).values(), *(_spelled(secret[:-1]).values() if len(secret) > 9 else ())}
            raw, shown = _shown(answers[name]), _shown(after)
            found |= {what for form in forms if form in raw}
            assert [form for form in forms if form in shown] == [], (name, what)
    assert sorted(set(PLANTED) - found) == []


def _shown(response: Response) -> str:
    body = response.body.decode("gb18030" if b"gb2312" in response.body[:60] else "utf-8")
    return "\n".join((body, response.url, *response.headers.values()))


def test_one_person_is_one_invented_person_in_all_answers() -> None:
    redactor = Redactor([], seed="seed")
    first = Response(url="https://x.cn/", body='{"user": {"id": 7712345678, "name": "张三丰"}}'.encode(), now=NOW)
    later = Response(url="https://x.cn/u/7712345678", body="回复@张三丰 的话".encode(), now=NOW)
    nothing = Parsed(outcome=parse("weibo.m_search", "{}").outcome)
    redactor.learn("weibo.m_search", first, nothing)
    redactor.learn("weibo.m_search", later, nothing)
    user = json.loads(redactor.response(first).body)["user"]
    after = redactor.response(later)
    assert isinstance(user["id"], int) and len(str(user["id"])) == 10
    assert user["name"].startswith("用户")
    assert after.body.decode() == f"回复@{user['name']} 的话"
    assert after.url == f"https://x.cn/u/{user['id']}"


def test_mid_and_bid_stay_two_spellings_of_one_id_and_keep_their_second() -> None:
    invent, mid = Inventor("seed"), "5311901742082998"
    made = invent.post_id(mid)
    assert made != mid and mid_to_bid(made) == invent.post_id(mid_to_bid(mid))
    assert int(made) >> 22 == int(mid) >> 22
    assert mid_of_bid(mid_to_bid(mid)) == mid
    assert [mid_of_bid(word) for word in ("abcdefghi", "000000000", "x", "云杉咖啡云杉咖啡云")] == [""] * 4
    note = "6a3531d44da803f3b74759f3"
    assert invent.post_id(note)[:8] == note[:8] and len(invent.post_id(note)) == 24
    assert invent.post_id("7653341619396804676")[:10] == "7653341619"
    assert invent.post_id("BV1sVbJ5i4Xy").startswith("BV1")
    assert invent.name("甲") != invent.name("乙") == invent.name("乙")


def test_words_that_are_searched_for_stay_in_the_text() -> None:
    body = json.dumps({"ok": 1, "data": {"cards": [{"card_type": 9, "mblog": {
        "id": "5311901742082998", "text": "云杉咖啡好喝", "created_at": "Sat Jun 20 15:12:08 +0800 2026",
        "user": {"id": 7712345678, "screen_name": "云杉咖啡"}}}]}}, ensure_ascii=False)  # fmt: skip
    _, text, _ = redacted("weibo.m_search", body, keep=("云杉咖啡",))
    assert "云杉咖啡好喝" in text
    assert '"云杉咖啡"' not in text


def test_short_parts_of_a_cookie_and_the_platforms_host_are_no_secret() -> None:
    _, text, _ = redacted("rss.any", "lang=zh weibo.com is up", "lang=zh; domain=.weibo.com; x=abcdefgh")
    assert text == "lang=zh weibo.com is up"
    assert "abcdefgh" not in redacted("rss.any", "xabcdefghx", "x=abcdefgh")[1]


def test_only_harmless_headers_are_kept() -> None:
    after, _, _ = redacted("rss.any", "x", Content_Type="text/xml", Set_Cookie="a=b", X_RateLimit_Reset="9", ETag="x")
    assert after.headers == {"Content-Type": "text/xml"} or set(after.headers) <= {"content-type", "x-ratelimit-reset"}


def test_damaged_json_and_nested_scripts_do_no_harm() -> None:
    for body in ("{" * 5_000, '{"a": "' + "[" * 3_000 + '"}', "<script>a = {b: undefined, ", "={" * 500):
        redacted("weibo.m_search", body)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"outcome": parse("weibo.m_search", "").outcome}, "outcome"),
        ({"posts": ()}, "posts instead of"),
        ({"next": (("page", 3),)}, "another next page"),
    ],
)
def test_a_difference_is_named(change: dict[str, Any], words: str) -> None:
    folder = Path(__file__).parent.parent / "fixtures" / "platforms" / "reddit"
    before = parse("reddit.rss", (folder / "search.rss.xml").read_bytes())
    assert before.posts and difference(before, before) == ""
    assert words in difference(before, replace(before, **change))
    later = replace(before.posts[0], published_at=None)
    assert difference(before, replace(before, posts=(later, *before.posts[1:]))) == "other times"
