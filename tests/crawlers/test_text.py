import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.text import at_names, clean, clean_line, hashtags, html_to_text, unwrap


@pytest.mark.parametrize(
    ("fragment", "text"),
    [
        ("<p>一</p><p>二<br>三</p>", "一\n二\n三"),
        ("a<em>b</em><b>c</b><span>d</span><font>e</font><code>f</code>", "abcdef"),
        ("前<script>alert('</p>')</script>后<style>p{}</style><noscript>x</noscript>", "前后"),
        ("<!--red_beg-->品牌<!--red_end-->", "品牌"),
        ("未完<script>alert(1)", "未完"),
        ("<iframe src=x>里面</iframe>外", "外"),
        ('<img alt="[允悲]" src="x">', "[允悲]"),
        ('<img alt="图片说明" src="x">前', "前"),
        ('<img class="wp-smiley" alt="🙂">', "🙂"),
        ("&amp;lt; &nbsp;&#20113;&hellip;", "&lt; 云…"),
        ("价格<100元，3 < 5", "价格<100元，3 < 5"),
        ("\u200b零宽\ufeff 与\u3000全角\xa0空格\u202e", "零宽 与 全角 空格"),
        ("  行首\r\n\r\n  行尾  ", "行首\n行尾"),
        ("<td>一</td><td>二</td>", "一 二"),
        ("<![CDATA[<b>块</b>]]>", "块]]>"),
        ("<?xml x?><!DOCTYPE html>正文", "正文"),
        ("<x:p>一</x:p>二", "一\n二"),
        ('<span class="invisible">https://</span><span>example.cn/a</span>', "https://example.cn/a"),
    ],
)
def test_fragment_reads_as_people_see_it(fragment: str, text: str) -> None:
    assert html_to_text(fragment).text == text


@pytest.mark.parametrize(
    ("fragment", "text", "truncated"),
    [
        ('公布……<a href="/status/1">全文</a>', "公布……", True),
        ("公布\u200b\u200b ...展开", "公布", True),
        ('自查<a href="#">展开<i class="wbicon">c</i></a>', "自查", True),
        ('自查完毕<a href="#">收起<i class="wbicon">d</i></a>', "自查完毕", False),
        ("请看全文", "请看全文", False),
        ("他笑容舒展开", "他笑容舒展开", False),
    ],
)
def test_unfold_links_are_removed_and_tell_of_more(fragment: str, text: str, truncated: bool) -> None:
    rich = html_to_text(fragment)
    assert (rich.text, rich.truncated) == (text, truncated)


def test_links_are_unwrapped_and_names_and_topics_are_no_links() -> None:
    rich = html_to_text(
        '<a href="https://weibo.cn/sinaurl?u=https%3A%2F%2Fnews.example.cn%2Fa">网页链接</a>'
        '<a href="/n/甲">@甲</a><a href="https://s.weibo.com/x">#话题#</a><a href="rel/1">相对</a>'
        '<a href="javascript:alert(1)">坏</a><a href="http://[bad">坏</a>',
        "https://weibo.com/",
    )
    assert rich.links == ("https://news.example.cn/a", "https://weibo.com/rel/1")
    assert rich.at_users == ("甲",)
    assert rich.text == "网页链接@甲#话题#相对坏坏"


def test_jump_links_lead_to_their_target_only_if_it_is_http() -> None:
    assert unwrap("https://link.zhihu.com/?target=https%3A//a.cn/1") == "https://a.cn/1"
    assert unwrap("https://weibo.cn/sinaurl?u=javascript:x") == "https://weibo.cn/sinaurl?u=javascript:x"
    assert unwrap("http://[bad") == "http://[bad"


def test_topics_and_names_are_listed_once_in_order() -> None:
    assert hashtags("#甲# 和 #乙[话题]# 和 #甲#") == ("甲", "乙")
    assert at_names("@张三 写给 @李四:好 mail@example.cn @张三") == ("张三", "李四")


def test_line_is_one_line_or_none() -> None:
    assert clean_line(" 一\n二 ") == "一 二"
    assert clean_line("\u200b") is None
    assert clean_line(None) is None
    assert clean_line("字" * 900, 10) == "字" * 10


@given(st.text(max_size=300))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    once.encode("utf-8")


@given(st.text(alphabet="<>/ab\"'=&;#!-[]x \n云", max_size=200))
def test_any_markup_gives_text_that_can_be_stored(fragment: str) -> None:
    html_to_text(fragment, "https://a.cn/").text.encode("utf-8")


@pytest.mark.parametrize(
    "fragment",
    ["<" * 300_000, '<a "' * 75_000, "<a>" * 100_000, "<!--" * 100_000, "<b>" * 100_000, "&#" * 200_000,
     "<a href='x" * 50_000, "<script>" * 60_000, "<a x='" * 50_000],
)  # fmt: skip
def test_hostile_markup_takes_no_time(fragment: str) -> None:
    begun = time.process_time()
    html_to_text(fragment)
    assert time.process_time() - begun < 3.0
