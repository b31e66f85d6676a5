import pytest

from crawlers.decode import decode_body

TEXT = "<html><body>云杉咖啡回应：镕基路门店已停业</body></html>"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (TEXT.encode(), "text/html; charset=utf-8"),
        (TEXT.encode(), None),
        (TEXT.encode("gb18030"), "text/html; charset=gb2312"),
        (TEXT.encode("gb18030"), "text/html; charset=utf-8"),
        (TEXT.encode(), "text/html; charset=gb2312"),
        (TEXT.encode("gb18030"), None),
        (b"\xef\xbb\xbf" + TEXT.encode(), "text/html"),
        (TEXT.encode("utf-16"), None),
        (TEXT.encode("big5", "ignore"), "text/html; charset=big5"),
    ],
)
def test_text_is_read_whatever_the_header_says(body: bytes, content_type: str | None) -> None:
    text = decode_body(body, content_type)
    assert "云杉咖啡" in text
    assert "\ufffd" not in text
    assert not text.startswith("\ufeff")


def test_xml_declaration_names_the_encoding() -> None:
    body = f'<?xml version="1.0" encoding="gb2312"?><rss>{TEXT}</rss>'.encode("gb18030")
    assert "镕基路" in decode_body(body, "application/xml")


def test_meta_names_the_encoding() -> None:
    body = f'<html><head><meta charset="gbk"></head>{TEXT}'.encode("gb18030")
    assert "镕基路" in decode_body(body, "text/html")


def test_a_body_cut_inside_a_character_keeps_the_rest() -> None:
    assert decode_body(TEXT.encode()[:40], None).startswith("<html><body>云杉咖啡")


def test_bytes_that_are_no_text_are_replaced_not_refused() -> None:
    assert isinstance(decode_body(bytes(range(256)) * 40, "text/html; charset=utf-8"), str)
    assert decode_body(b"", None) == ""


@pytest.mark.parametrize("charset", ["uu", "idna", "punycode", "undefined", "hex", "rot13", "mbcs"])
def test_a_codec_that_is_none_of_a_page_is_not_used(charset: str) -> None:
    assert "镕基路" in decode_body(TEXT.encode(), f"text/html; charset={charset}")
    page = f'<html><head><meta charset="{charset}"></head>{TEXT}'.encode()
    assert isinstance(decode_body(page, "text/html"), str)
