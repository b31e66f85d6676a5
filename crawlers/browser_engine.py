"""One running Chromium with the process that drives it: started shut in, weighed, and ended for certain."""

import asyncio
import ctypes
import logging
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import psutil
from playwright.async_api import Browser, BrowserContext, Error, Playwright, async_playwright

from crawlers.errors import CrawlError

__all__ = ["BrowserEngine", "BrowserError"]

logger = logging.getLogger(__name__)

ARGUMENTS = (
    # Whatever is not said through the proxy of a visit is said to nobody.
    "--proxy-server=http://127.0.0.1:1",
    "--proxy-bypass-list=<-loopback>",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--disable-quic",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--dns-prefetch-disable",
    "--no-pings",
    "--deny-permission-prompts",
    "--disable-background-networking",
    "--disable-domain-reliability",
    "--disable-sync",
    "--disable-gpu",
    "--disable-notifications",
    "--disable-speech-api",
    "--disable-remote-fonts",
    "--mute-audio",
    "--blink-settings=imagesEnabled=false",
)
"""How Chromium is started, besides what Playwright itself gives it."""

_HOME = "tingfeng-browser-"
_START_S = 30.0
_CLOSE_S = 2.0
_GONE_S = 3.0
_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of prctl(2)."""


class BrowserError(CrawlError):
    """The browser cannot be started."""


class BrowserEngine:
    """A browser process with its own home, which is gone with all its children once `close` returns.

    Args:
        program: Path of Chromium.
    """

    def __init__(self, program: Path) -> None:
        self._program = program
        self._home = ""
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._driver: psutil.Process | None = None
        self._tree: dict[int, psutil.Process] = {}
        self._began_s = time.monotonic()
        self.visits = 0
        """Visits begun."""
        self.active = 0
        """Visits under way."""
        self.sick = False
        """Whether it left something undone and must be ended."""

    @property
    def age_s(self) -> float:
        """How long it runs, real seconds."""
        return time.monotonic() - self._began_s

    @property
    def alive(self) -> bool:
        """Whether it can take visits."""
        return self._browser is not None and self._browser.is_connected() and not self.sick

    async def start(self) -> None:
        """Start it.

        Raises:
            BrowserError: it does not start; what was begun is ended.
        """
        _adopt_orphans()
        await asyncio.to_thread(_sweep)
        self._home = tempfile.mkdtemp(prefix=f"{_HOME}{os.getpid()}-")
        before = {each.pid for each in psutil.Process().children()}
        try:
            async with asyncio.timeout(_START_S):
                self._playwright = await _start_driver(self._home)
                self._driver = next(
                    (each for each in psutil.Process().children() if each.pid not in before and _is_driver(each)), None
                )
                self._browser = await self._launch(self._playwright)
        except (Error, OSError, TimeoutError) as err:
            await self.close()
            words = str(err).strip().splitlines()
            why = next((line for line in words if "ERROR" in line or "rror" in line), type(err).__name__)
            raise BrowserError(f"{self._program} does not start: {why[:200]}") from err
        except BaseException:
            await self.close()
            raise
        self._began_s = time.monotonic()
        self._look()
        logger.info("browser started version=%s processes=%d", self._browser.version, len(self._tree))

    async def _launch(self, playwright: Playwright) -> Browser:
        if os.geteuid() == 0:
            logger.warning("browser runs without its sandbox, because this is root: run the service as another user")
            return await self._launch_with(playwright, sandbox=False)
        try:
            return await self._launch_with(playwright, sandbox=True)
        except Error as err:
            if "sandbox" not in str(err).lower():
                raise
            logger.warning("browser runs without its sandbox, because the system lets no user make one")
            return await self._launch_with(playwright, sandbox=False)

    async def _launch_with(self, playwright: Playwright, *, sandbox: bool) -> Browser:
        return await playwright.chromium.launch(
            executable_path=str(self._program),
            args=list(ARGUMENTS),
            chromium_sandbox=sandbox,
            handle_sigint=False,
            handle_sigterm=False,
            handle_sighup=False,
            timeout=_START_S * 1000,
            # Nothing of our environment: it may hold secrets, and a proxy that is not ours.
            env={
                "PATH": os.environ.get("PATH", os.defpath),
                "HOME": self._home,
                "LANG": "C.UTF-8",
                "TMPDIR": self._home,
                "XDG_CONFIG_HOME": self._home,
                "XDG_CACHE_HOME": self._home,
            },
        )

    async def context(self, **options: object) -> BrowserContext:
        """Return a context of its own for one visit.

        Raises:
            playwright.async_api.Error: the browser is gone, or does not answer.
        """
        if self._browser is None:
            raise Error("the browser is not started")
        try:
            async with asyncio.timeout(_START_S):
                return await self._browser.new_context(**options)  # type: ignore[arg-type]  # passed through as given
        except TimeoutError as err:
            raise Error("the browser gives no new context") from err

    def weigh(self) -> int:
        """Return the memory of all its processes in bytes; shared pages count once at most."""
        self._look()
        total = 0
        for each in self._tree.values():
            try:
                memory = each.memory_info()
            except psutil.Error:
                continue
            total += int(memory.rss) - int(getattr(memory, "shared", 0))
        return total

    def _look(self) -> None:
        """Take note of the processes that belong to it, and reap those whose parent died."""
        _reap_orphans()
        if self._driver is None:
            return
        try:
            found = [self._driver, *self._driver.children(recursive=True)]
        except psutil.Error:
            found = []
        self._tree |= {each.pid: each for each in found}

    async def close(self) -> None:
        """End it with all its processes, by force where it does not go by itself; never raises."""
        self.sick = True
        try:
            await asyncio.to_thread(self._look)
            await asyncio.to_thread(self._kill_browser)
            if self._playwright is not None:
                try:
                    async with asyncio.timeout(_CLOSE_S):
                        await self._playwright.stop()
                except Exception as err:  # noqa: BLE001  # border of one browser: what is left is killed below
                    logger.debug("driver did not stop by itself error=%s", err)
        finally:
            self._playwright = self._browser = None
            await asyncio.to_thread(self._bury)

    def _kill_browser(self) -> None:
        """Kill the browser's process group while its driver lives and can reap it."""
        own = os.getpgid(0)
        for each in self._tree.values():
            if self._driver is not None and each.pid == self._driver.pid:
                continue
            try:
                if each.is_running():
                    group = os.getpgid(each.pid)
                    if group != own and group == each.pid:
                        os.killpg(group, signal.SIGKILL)
                    each.kill()
            except (psutil.Error, OSError):
                continue

    def _bury(self) -> None:
        """Kill what is left, take in what nobody else waits for, and remove the folders."""
        driver = self._driver.pid if self._driver is not None else 0
        for each in self._tree.values():
            try:
                each.kill()
            except psutil.Error:
                continue
        deadline_s = time.monotonic() + _GONE_S
        left = [each for each in self._tree.values() if each.pid != driver]
        while left and time.monotonic() < deadline_s:
            _reap_orphans()
            left = [each for each in left if each.is_running()]
            if left:
                time.sleep(0.02)
        if left:
            logger.warning("browser left processes pids=%s", [each.pid for each in left])
        if self._home:
            shutil.rmtree(self._home, ignore_errors=True)
        self._tree = {}


async def _start_driver(folder: str) -> Playwright:
    """Start the driver, whose profiles and files all lie in one folder: it asks its environment where."""
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = folder
    try:
        return await async_playwright().start()
    finally:
        if before is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = before


def _sweep() -> None:
    """Remove the homes of browsers whose service was killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_HOME}*"):
        pid = folder.name.removeprefix(_HOME).partition("-")[0]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)) and not folder.is_symlink():
            shutil.rmtree(folder, ignore_errors=True)


def _is_driver(process: psutil.Process) -> bool:
    try:
        return "run-driver" in process.cmdline()
    except psutil.Error:
        return False


def _reap_orphans() -> None:
    """Reap the ended processes that are ours only because their parent died: those of other sessions."""
    for each in psutil.Process().children():
        try:
            if each.status() == psutil.STATUS_ZOMBIE and os.getsid(each.pid) != os.getsid(0):
                os.waitpid(each.pid, os.WNOHANG)
        except (psutil.Error, OSError):
            continue


def _adopt_orphans() -> None:
    """Become the parent of the browser's processes when their own dies, so that none stays as a zombie (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0)
