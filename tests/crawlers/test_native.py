"""Links as apps copy them: the mobile forms of permalinks, and short links that lead elsewhere."""

import pytest

from crawlers.platforms._native import is_known_host, native_of, short_of

ID = "7653059635549394849"
NOTE = "6a3640102c5ae32695a5d5f9"


@pytest.mark.parametrize(
    ("link", "platform", "native_id", "url"),
    [
        ("https://share.api.weibo.cn/share/3011,5311.html?weibo_id=5311901742082998", "weibo", "5311901742082998",
         "https://m.weibo.cn/status/R4ZCm8JSK"),
        ("https://m.weibo.cn/statuses/show?id=R4ZCm8JSK", "weibo", "5311901742082998",
         "https://m.weibo.cn/status/R4ZCm8JSK"),
        ("https://weibo.com/ajax/statuses/show?id=R4ZCm8JSK&locale=zh-CN", "weibo", "5311901742082998",
         "https://m.weibo.cn/status/R4ZCm8JSK"),
        ("https://m.weibo.cn/7900010001/5311901742082998", "weibo", "5311901742082998",
         "https://weibo.com/7900010001/R4ZCm8JSK"),
        (f"https://www.douyin.com/user/MS4wL?modal_id={ID}&x=1", "douyin", ID, f"https://www.douyin.com/video/{ID}"),
        (f"https://www.douyin.com/jingxuan?modal_id={ID}", "douyin", ID, f"https://www.douyin.com/video/{ID}"),
        (f"https://www.iesdouyin.com/share/note/{ID}/?a=1", "douyin", ID, f"https://www.douyin.com/note/{ID}"),
        (f"https://www.iesdouyin.com/share/slides/{ID}/", "douyin", ID, f"https://www.douyin.com/note/{ID}"),
        (f"https://m.douyin.com/share/video/{ID}", "douyin", ID, f"https://www.douyin.com/video/{ID}"),
        ("https://m.gifshow.com/fw/photo/3xabc123?cc=share", "kuaishou", "3xabc123",
         "https://www.kuaishou.com/short-video/3xabc123"),
        ("https://v.m.chenzhongtech.com/fw/long-video/3xabc123", "kuaishou", "3xabc123",
         "https://www.kuaishou.com/short-video/3xabc123"),
        ("https://live.kuaishou.com/u/someone/3xabc123", "kuaishou", "3xabc123",
         "https://www.kuaishou.com/short-video/3xabc123"),
        ("https://m.gifshow.com/fw/live?photoId=3xabc123", "kuaishou", "3xabc123",
         "https://www.kuaishou.com/short-video/3xabc123"),
        ("https://www.bilibili.com/list/ml1?bvid=BV1sVbJ5i4Xy", "bilibili", "BV1sVbJ5i4Xy",
         "https://www.bilibili.com/video/BV1sVbJ5i4Xy"),
        ("https://m.bilibili.com/opus/912345678901234567", "bilibili", "912345678901234567",
         "https://www.bilibili.com/opus/912345678901234567"),
        ("https://m.bilibili.com/dynamic/912345678901234567", "bilibili", "912345678901234567",
         "https://www.bilibili.com/opus/912345678901234567"),
        ("https://b23.tv/BV1sVbJ5i4Xy", "bilibili", "BV1sVbJ5i4Xy", "https://www.bilibili.com/video/BV1sVbJ5i4Xy"),
        (f"https://www.xiaohongshu.com/user/profile/5f0000000000000001000000/{NOTE}?xsec_token=A%3D", "xiaohongshu",
         NOTE, f"https://www.xiaohongshu.com/explore/{NOTE}?xsec_token=A%3D"),
        (f"https://www.xiaohongshu.com/search_result/{NOTE}?xsec_token=A%3D", "xiaohongshu", NOTE,
         f"https://www.xiaohongshu.com/explore/{NOTE}?xsec_token=A%3D"),
        (f"https://www.rednote.com/explore/{NOTE}", "xiaohongshu", NOTE,
         f"https://www.xiaohongshu.com/explore/{NOTE}"),
        ("https://www.zhihu.com/appview/v2/answer/19?a=1", "zhihu", "answer:19", "https://www.zhihu.com/answer/19"),
        ("https://oia.zhihu.com/answers/19", "zhihu", "answer:19", "https://www.zhihu.com/answer/19"),
        ("https://oia.zhihu.com/questions/62", "zhihu", "question:62", "https://www.zhihu.com/question/62"),
        ("https://www.zhihu.com/appview/p/70", "zhihu", "article:70", "https://zhuanlan.zhihu.com/p/70"),
        ("https://tieba.baidu.com/mo/q/m?kz=10600000002", "tieba", "10600000002",
         "https://tieba.baidu.com/p/10600000002"),
        ("https://jump2.bdimg.com/p/10600000002?pn=1", "tieba", "10600000002", "https://tieba.baidu.com/p/10600000002"),
        ("https://m.toutiaocdn.com/i7653332792814703085/", "toutiao", "7653332792814703085",
         "https://www.toutiao.com/article/7653332792814703085/"),
        ("https://m.toutiao.com/w/i7653332792814703085/", "toutiao", "7653332792814703085",
         "https://www.toutiao.com/w/7653332792814703085/"),
        ("https://tousu.sina.cn/complaint/view/?sn=17389000001", "heimao", "17389000001",
         "https://tousu.sina.com.cn/complaint/view/17389000001/"),
        ("https://hk.v2ex.com/t/1190001#reply3", "v2ex", "1190001", "https://www.v2ex.com/t/1190001"),
        ("https://redd.it/1fix001", "reddit", "t3_1fix001", "https://www.reddit.com/comments/1fix001/"),
        ("https://www.reddit.com/comments/1fix001/slug/", "reddit", "t3_1fix001",
         "https://www.reddit.com/comments/1fix001/"),
    ],
)  # fmt: skip
def test_every_form_of_a_permalink_leads_to_one_id(link: str, platform: str, native_id: str, url: str) -> None:
    native = native_of(link)
    assert native is not None
    assert (native.platform, native.native_id, native.url) == (platform, native_id, url)
    assert short_of(link) is None


@pytest.mark.parametrize(
    "link",
    [
        "https://www.xiaohongshu.com/user/profile/5f0000000000000001000000",
        "https://www.douyin.com/user/MS4wL",
        "https://www.kuaishou.com/profile/3xabc",
        "https://weibo.com/u/7900010001",
        "https://tieba.baidu.com/f?kw=x&kz=a",
        "https://www.bilibili.com/?bvid=x",
        "https://redd.it/",
    ],
)
def test_pages_of_people_and_lists_have_no_id(link: str) -> None:
    native = native_of(link)
    assert native is not None and native.native_id is None


@pytest.mark.parametrize(
    ("link", "platform"),
    [
        ("http://t.cn/A6xYz12", None),
        ("https://url.cn/5abc", None),
        ("https://b23.tv/AbCdEf1", "bilibili"),
        ("https://v.douyin.com/iAbCdE1/", "douyin"),
        ("http://xhslink.com/a/AbCdEf", "xiaohongshu"),
        ("https://v.kuaishou.com/AbCdE", "kuaishou"),
        ("https://www.kuaishou.com/f/X-abc", "kuaishou"),
        ("https://m.toutiao.com/is/AbCdE/", "toutiao"),
        ("https://www.reddit.com/r/cars/s/AbCdE", "reddit"),
    ],
)
def test_short_links_are_told_apart(link: str, platform: str | None) -> None:
    short = short_of(link)
    assert short is not None and short.platform == platform


@pytest.mark.parametrize(
    "link",
    [
        "https://t.cn/",
        "https://t.cn.evil.example/a",
        "https://www.kuaishou.com/short-video/3xabc123",
        "https://www.xiaohongshu.com/explore",
        "https://n.example.cn/a",
        "ftp://t.cn/a",
        "",
    ],
)
def test_other_links_are_not_short(link: str) -> None:
    assert short_of(link) is None


def test_known_hosts() -> None:
    known = ("t.cn", "weibo.com", "mp.weixin.qq.com", "v.douyin.com", "news.ycombinator.com")
    assert [is_known_host(host) for host in known] == [True] * 5
    assert not is_known_host("n.example.cn")
