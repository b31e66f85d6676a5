"""`tingfeng demo`: an invented crisis on this machine, heard and told by the real service."""

import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.status import Status

from domain.errors import TingfengError
from domain.moment import SHANGHAI
from service.demo.pages import SITES, post_url
from service.demo.picture import take_picture
from service.demo.post import FarmPost, write_import
from service.demo.settings import COOKIE, demo_settings
from service.demo.sink import Sink, serve
from service.demo.stage import TINGFENG, FarmProcess, ServiceProcess
from service.demo.told import Told, told
from service.demo.world import BRAND, CRISIS_LENGTH, World
from service.errors import ServiceError

__all__ = ["Demo", "Summary", "run_demo"]

SCALE = 120.0
HISTORY = timedelta(days=14)
CUT_OFF_S = 170.0
_READY_S = 60.0
_LEAD = timedelta(minutes=6)
_AFTER = timedelta(hours=8)
_SHOWN_SITES = ("weibo", "news", "forum")
_CHANNEL_NAMES: Mapping[str, str] = {"slack": "Slack", "wecom_robot": "企业微信"}


def run_demo(*, keep: bool = False, screenshot: Path | None = None) -> int:
    """Show a whole crisis and return 0, or 1 with the reason when it did not work.

    Args:
        keep: Leave the page of messages open until Ctrl-C.
        screenshot: File for a picture of that page, PNG; None = no picture.

    Returns:
        0 = both channels were told that it began and that it ended; 1 = not; 130 = Ctrl-C.
    """
    console = Console(highlight=False, soft_wrap=True)
    folder = Path(tempfile.mkdtemp(prefix="tingfeng-demo-"))
    try:
        with Demo(folder, console, screenshot=screenshot) as demo:
            code = demo.play()
            if keep:
                demo.leave_open()
            return code
    except KeyboardInterrupt:
        console.print("演示已停止。")
        return 130
    except TingfengError as err:
        console.print(f"演示没有成功：{err}", markup=False)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(slots=True)
class Summary:
    """What came of it."""

    seen: int = 0
    """Posts that the imitated sources showed."""
    pages: int = 0
    """Pages that the service asked for."""
    stored: int = 0
    """Mentions in the store, history included."""
    named: int = 0
    """Of these, mentions of the brand."""
    told: list[Told] = field(default_factory=list)
    """Messages that the channels accepted, in order."""

    def missing(self, kind: str) -> list[str]:
        """Return the channels that were not told of `kind`."""
        have = {one.channel for one in self.told if one.kind == kind}
        return [channel for channel in _CHANNEL_NAMES if channel not in have]


class Demo:
    """One run of the demo; a context manager that stops every process it started.

    Args:
        folder: Empty folder for everything it writes.
        console: Where it speaks.
        screenshot: File for a picture of the page of messages; None = none.
        scale: Domain seconds for one real second.
        cut_off_s: Real seconds after which it ends, whatever is still missing.
        make_farm: Starts the imitated sources.
        make_service: Makes the handle of the real service.
        tingfeng: The command for the import.
    """

    def __init__(
        self,
        folder: Path,
        console: Console,
        *,
        screenshot: Path | None = None,
        scale: float = SCALE,
        cut_off_s: float = CUT_OFF_S,
        make_farm: Callable[..., FarmProcess] = FarmProcess,
        make_service: Callable[..., ServiceProcess] = ServiceProcess,
        tingfeng: Sequence[str] = TINGFENG,
    ) -> None:
        self._folder, self._console, self._screenshot = folder, console, screenshot
        self._scale, self._cut_off_s = scale, cut_off_s
        self._make_farm, self._make_service, self._tingfeng = make_farm, make_service, tingfeng
        self._begun_s = time.monotonic()
        self._stack = contextlib.ExitStack()
        self._world = World()
        self._config = folder / "tingfeng.yaml"
        self.sink = Sink()
        """The imitated channels and their page."""

    def __enter__(self) -> "Demo":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def play(self) -> int:
        """Play it from the beginning; returns 0, or 1 when a message is missing.

        Raises:
            ServiceError: a process did not start or stopped by itself.
        """
        start = _morning(datetime.now(UTC))
        farm = self._make_farm(start=start, scale=self._scale, cookie=COOKIE, log=self._folder / "farm.log")
        self._stack.callback(farm.stop)
        self._stack.enter_context(serve(self.sink))
        self._console.print(
            f"[bold]听风演示[/bold]：虚构的品牌“{BRAND}”，时间加快 {self._scale:g} 倍。不需要网络和密钥。"
        )
        self._console.print(f"消息页（像手机上看到的 Slack 和企业微信）：[link]{self.sink.url}[/link]")
        self._config.write_text(demo_settings(self._folder / "data", farm.bases, self.sink.url), encoding="utf-8")
        self._config.chmod(0o600)
        self._import_history(farm, start)
        service = self._start_service(farm, start)
        summary = self._watch(farm, service)
        self._count(farm, summary)
        service.stop()
        return self._conclude(summary)

    def leave_open(self) -> None:
        """Wait until Ctrl-C, with the page of messages open."""
        self._console.print(f"消息页仍然开着：{self.sink.url} ，按 Ctrl-C 结束。")
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)

    # --- scenes ----------------------------------------------------------------------------------------------

    def _import_history(self, farm: FarmProcess, start: datetime) -> None:
        history = self._world.quiet(start - HISTORY, start)
        farm.add(history)
        path = self._folder / "history.ndjson"
        write_import(path, history, lambda post: post_url(post, farm.bases))
        with self._status(f"导入两周的历史：{len(history)} 条"):
            done = subprocess.run(
                [*self._tingfeng, "import", str(path), "--config", str(self._config)],
                capture_output=True,
                text=True,
                check=False,
            )
        if done.returncode != 0:
            raise ServiceError(f"历史没有导入：{(done.stdout + done.stderr).strip()[-500:]}")
        self._console.print(f"已导入两周的平静历史：{len(history)} 条。")

    def _start_service(self, farm: FarmProcess, start: datetime) -> ServiceProcess:
        farm.add(self._world.quiet(start, start + _AFTER))
        service = self._make_service(self._config, self._folder / "service.log")
        self._stack.callback(service.stop)
        service.start(clock=(start, self._scale))
        with self._status("启动监听服务"):
            # The sources' clock follows the service's: a post of the future would be dated back.
            self._wait(service, lambda: "/healthz" in service.log_text())
            farm.run()
            self._wait(service, lambda: all(farm.hits()[site] for site in _SHOWN_SITES))
        self._console.print(f"监听中：{'、'.join(SITES[site].title for site in _SHOWN_SITES)}。一切平静……")
        return service

    def _watch(self, farm: FarmProcess, service: ServiceProcess) -> Summary:
        """Let the crisis begin and look until both channels were told of its end, or the cut-off."""
        begins = farm.now() + _LEAD
        crisis = self._world.crisis(begins.replace(microsecond=0))
        ends = begins + CRISIS_LENGTH
        farm.add([*crisis, *self._world.aftermath(ends, ends + _AFTER)])
        summary = Summary()
        with self._status("等待") as status:
            while time.monotonic() - self._begun_s < self._cut_off_s:
                self._check_alive(service)
                before, summary.told = len(summary.told), told(self.sink.ledger)
                for one in summary.told[before:]:
                    self._announce(one)
                if not summary.missing("firing"):
                    self._picture_once(summary)
                    if not summary.missing("resolved"):
                        break
                status.update(self._progress(farm, crisis, summary))
                time.sleep(0.3)
        return summary

    def _picture_once(self, summary: Summary) -> None:
        """Take the picture when the crisis is at its height: told as escalated, or already over."""
        grown = not summary.missing("escalated") or not summary.missing("resolved")
        if self._screenshot is not None and grown:
            take_picture(self.sink.url, self._screenshot)
            self._console.print(f"图片已保存：{self._screenshot}", markup=False)
            self._screenshot = None

    def _announce(self, one: Told) -> None:
        channel = _CHANNEL_NAMES.get(one.channel, one.channel)
        self._console.print(f"  → {channel} {one.first_line}", markup=False)

    def _progress(self, farm: FarmProcess, crisis: Sequence[FarmPost], summary: Summary) -> str:
        local = farm.now().astimezone(SHANGHAI)
        shown = len(farm.first_shown_s("crisis"))
        state = "等待解除" if not summary.missing("firing") else "危机发酵" if shown else "平静"
        return f"{local:%m-%d %H:%M} {state}，危机帖已出现 {shown}/{len(crisis)}"

    def _count(self, farm: FarmProcess, summary: Summary) -> None:
        from service import wiring
        from service.demo.counts import count_stored

        summary.seen = len(farm.first_shown_s())
        summary.pages = sum(farm.hits().values())
        with wiring.opened(self._config) as (_, stores):
            summary.stored, summary.named = count_stored(stores.mentions, now=farm.now())

    def _conclude(self, summary: Summary) -> int:
        self._console.print(
            f"共看到 {summary.seen} 条（取页 {summary.pages} 次），库中 {summary.stored} 条，"
            f"提到“{BRAND}”的 {summary.named} 条，发出消息 {len(summary.told)} 条，"
            f"用时 {time.monotonic() - self._begun_s:.0f} 秒。"
        )
        missing = {kind: summary.missing(kind) for kind in ("firing", "resolved")}
        if missing["firing"]:
            names = "、".join(_CHANNEL_NAMES[channel] for channel in missing["firing"])
            self._console.print(f"演示没有成功：没有收到警报的渠道：{names}")
            return 1
        if missing["resolved"]:
            self._console.print(f"到 {self._cut_off_s:.0f} 秒为止事件还没有解除；演示在这里结束。")
        return 0

    # --- small things ----------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _status(self, text: str) -> Iterator[Status]:
        """Show a spinner on a terminal; say the text once elsewhere."""
        if not self._console.is_terminal:
            self._console.print(f"{text}……")
        with self._console.status(text) as status:
            yield status

    def _wait(self, service: ServiceProcess, done: Callable[[], bool]) -> None:
        end_s = time.monotonic() + _READY_S
        while not done():
            self._check_alive(service)
            if time.monotonic() > end_s:
                raise ServiceError(f"监听服务没有开始访问来源：{_tail(service.log_text())}")
            time.sleep(0.2)

    def _check_alive(self, service: ServiceProcess) -> None:
        if service.exit_code() is not None:
            raise ServiceError(f"监听服务停了：{_tail(service.log_text())}")


def _morning(now: datetime) -> datetime:
    """Return the last ten o'clock of Beijing, UTC: a day that both the history and the crisis fit into."""
    local = now.astimezone(SHANGHAI)
    ten = local.replace(hour=10, minute=0, second=0, microsecond=0)
    return (ten if ten <= local else ten - timedelta(days=1)).astimezone(UTC)


def _tail(text: str) -> str:
    return text.strip()[-600:] or "没有留下日志"
