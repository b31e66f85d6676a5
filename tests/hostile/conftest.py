"""A site that may be visited, a listener that must not hear anything, and a DNS that lies."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.crawlers.farm import Farm, farm
from tests.hostile.inside import Canary


class _Datagrams(asyncio.DatagramProtocol):
    """Counts what comes over UDP."""

    def __init__(self, found: Canary) -> None:
        self._found = found

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._found.connections += 1


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    found = Canary()

    async def heard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.connections += 1
        writer.close()

    server = await asyncio.start_server(heard, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    udp, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(found), local_addr=("127.0.0.1", found.port))
    yield found
    server.close()
    udp.close()
    assert found.connections == 0


@pytest.fixture
async def site() -> AsyncIterator[Farm]:
    async with farm() as made:
        yield made


@pytest.fixture
def lying_dns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer every public name with this machine."""
    real = socket.getaddrinfo

    def answer(host: Any, port: Any, *args: Any, **more: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if not name.endswith(".example.cn"):
            return real(host, port, *args, **more)
        if name.startswith("six"):
            return [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::ffff:127.0.0.1", port, 0, 0))]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
