"""What apps put on the clipboard, and what people type around it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.paste import Shared, find_link, post_of, read_shared
from domain.ids import mention_id
from domain.mention import Kind, Precision

NOW = datetime(2026, 6, 20, 8, 0, tzinfo=UTC)
WEIBO = "https://weibo.com/7900010001/R4ZCm8JSK"


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("7.99 复制打开抖音，看看【小林的作品】喝出异物 # 咖啡  https://v.douyin.com/iAbC_d1/ q@R.kP 05/12 :2pm",
         "https://v.douyin.com/iAbC_d1/"),
        ("喝出异物 http://xhslink.com/a/AbCdEf，复制本条信息，打开【小红书】App查看精彩内容！",
         "http://xhslink.com/a/AbCdEf"),
        (f"看这个{WEIBO}。", WEIBO),
        (f"（{WEIBO}）大家看看", WEIBO),
        (f"【{WEIBO}】", WEIBO),
        (f"({WEIBO}), (同上)", WEIBO),
        (f"[题]({WEIBO})", WEIBO),
        (f"{WEIBO}转发理由", WEIBO),
        (f"<{WEIBO}?a=1&amp;b=2>", f"{WEIBO}?a=1&b=2"),
        ("看t.cn/A6xYz12吧", "https://t.cn/A6xYz12"),
        ("b23.tv/AbC", "https://b23.tv/AbC"),
        ("https：//t.cn/A6xYz12，", "https://t.cn/A6xYz12"),
        ("http://n.cn/a_(b)", "http://n.cn/a_(b)"),
        (f"先下载 https://app.example.cn/get 再看 {WEIBO}", WEIBO),
        ("https://n.example.cn/a,https://n.example.cn/b", "https://n.example.cn/a"),
        ("https://weibo.cn/sinaurl?u=https%3A%2F%2Fn.example.cn%2Fa", "https://n.example.cn/a"),
        ("HTTPS://N.example.cn/a", "https://N.example.cn/a"),
        ("没有链接", None),
        ("邮箱 a@t.cn/x 和 n.example.cn/a", None),
        ("file:///etc/passwd javascript:alert(1)", None),
        ("", None),
    ],
)  # fmt: skip
def test_the_link_is_found_in_what_people_paste(text: str, link: str | None) -> None:
    assert find_link(text) == link


@pytest.mark.parametrize(
    ("text", "shared"),
    [
        ("7.99 复制打开抖音，看看【小林的作品】云杉咖啡喝出异物 # 咖啡 https://v.douyin.com/iAbC_d1/ q@R.kP 05/12 :2pm",
         Shared(text="云杉咖啡喝出异物 # 咖啡", author="小林")),
        ("云杉咖啡喝出异物，真恶心 http://xhslink.com/a/AbCdEf，复制本条信息，打开【小红书】App查看精彩内容！",
         Shared(text="云杉咖啡喝出异物，真恶心")),
        ("52 【云杉咖啡翻车！ - 小林不吃糖 | 小红书 - 你的生活指南】 😆 Az0fXyZ 😆 https://www.xiaohongshu.com/explore/x",
         Shared(title="云杉咖啡翻车！", author="小林不吃糖")),
        ("【喝遍云杉咖啡-哔哩哔哩】 https://b23.tv/AbCdE", Shared(title="喝遍云杉咖啡")),
        ('https://v.kuaishou.com/AbCdE "云杉咖啡新品" 该作品在快手被播放过1.2万次，点击链接，打开【快手】直接观看！',
         Shared(text="云杉咖啡新品")),
        ("云杉咖啡怎么了？ - 小林的回答 - 知乎 https://www.zhihu.com/question/62/answer/19",
         Shared(title="云杉咖啡怎么了？", author="小林")),
        (f"@小林同学: 云杉咖啡喝出异物（{WEIBO}）", Shared(text="@小林同学: 云杉咖啡喝出异物", author="小林同学")),
        (WEIBO, Shared()),
        (f"（{WEIBO}），", Shared()),
    ],
)  # fmt: skip
def test_words_title_and_author_are_told_from_what_the_app_adds(text: str, shared: Shared) -> None:
    assert read_shared(text) == shared


def test_praise_that_an_app_adds_is_not_the_authors() -> None:
    for text in ("复制此链接，打开【小红书】App直接查看精彩内容！", "点击链接，打开【快手】直接观看！"):
        assert read_shared(f"难喝 http://t.cn/A {text}").text == "难喝"


def test_a_known_post_has_its_own_id_and_time() -> None:
    post = post_of(f"{WEIBO}?refer_flag=1", read_shared(f"@小林: 难喝 {WEIBO}"), NOW)
    assert (post.platform, post.native_id, post.url) == ("weibo", "5311901742082998", WEIBO)
    assert (post.author.name, post.author.id, post.truncated) == ("小林", "7900010001", True)
    assert post.published_at == datetime(2026, 6, 20, 7, 12, 8, tzinfo=UTC)
    assert post.published_precision is Precision.MINUTE


@pytest.mark.parametrize(
    ("link", "at"),
    [
        ("https://www.xiaohongshu.com/explore/6a3640102c5ae32695a5d5f9", datetime(2026, 6, 20, 7, 24, tzinfo=UTC)),
        ("https://www.douyin.com/video/7653059635549394849", datetime(2026, 6, 19, 11, 0, tzinfo=UTC)),
        ("https://www.xiaohongshu.com/explore/ffffffffffffffffffffffff", None),
        ("https://www.xiaohongshu.com/explore/000000000000000000000000", None),
        ("https://www.zhihu.com/question/62", None),
    ],
)
def test_time_in_an_id_counts_where_it_can_be_true(link: str, at: datetime | None) -> None:
    assert post_of(link, Shared(), NOW).published_at == at


def test_a_short_link_whose_target_is_unknown_is_known_by_itself() -> None:
    post = post_of("https://v.douyin.com/iAbC/", Shared(text="难喝"), NOW)
    assert (post.platform, post.native_id, post.kind) == ("douyin", "https://v.douyin.com/iAbC/", Kind.POST)
    assert post_of("https://t.cn/A", Shared(), NOW).platform == "web"


def test_any_other_page_is_of_the_open_web() -> None:
    post = post_of("https://n.example.cn/a?utm_source=x", Shared(title="题"), NOW)
    assert (post.platform, post.kind, post.title) == ("web", Kind.ARTICLE, "题")


@given(st.text(max_size=400), st.sampled_from(["", WEIBO, "https://t.cn/A1", "【", "】", "@", "https://[::1/"]))
def test_any_text_is_read_and_what_it_gives_has_an_id(text: str, more: str) -> None:
    whole = f"{text}{more}{text}"
    shared, link = read_shared(whole), find_link(whole)
    assert len(shared.text) <= 2 * len(whole) + 10
    if link is not None:
        assert link.startswith(("http://", "https://"))
        post = post_of(link, shared, NOW)
        assert mention_id(platform=post.platform, native_id=post.native_id, kind=post.kind, url=post.url)


def test_hostile_text_takes_no_time() -> None:
    for text in ("https://" * 20_000, "【" * 20_000, "a." * 20_000, "@" * 20_000, "复制打开" * 5_000, "- " * 10_000):
        find_link(text)
        read_shared(text)
