"""What stands for everything internal, and how its address can be written."""

from dataclasses import dataclass

__all__ = ["FILES", "INSIDE", "Canary"]

INSIDE = (
    "http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://LOCALHOST.:{port}/", "http://[::1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/", "http://[::ffff:7f00:1]:{port}/", "http://0x7f000001:{port}/",
    "http://2130706433:{port}/", "http://127.1:{port}/", "http://0177.0.0.1:{port}/", "http://0.0.0.0:{port}/",
    "http://0:{port}/", "http://１２７.０.０.１:{port}/", "http://a.localhost:{port}/", "http://x@127.0.0.1:{port}/",
    "//127.0.0.1:{port}/", "http://rebind.example.cn:{port}/", "http://six.example.cn:{port}/",
    "http://127.0.0.1.:{port}/", "http:\\\\127.0.0.1:{port}\\", "HTTP://127.0.0.1:{port}",
)  # fmt: skip
FILES = ("file:///etc/hostname", "file://localhost/etc/hostname", "data:text/xml,<rss/>", "ftp://127.0.0.1/")


@dataclass
class Canary:
    """A listener that stands for everything internal."""

    port: int = 0
    connections: int = 0
    """Connections and datagrams that it heard."""
