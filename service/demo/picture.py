"""A picture of a local page, taken by a headless Chromium."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from service.errors import ServiceError

__all__ = ["find_browser", "has_chinese_font", "take_picture"]

_BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
_LIMIT_S = 60.0


def find_browser(which: Callable[[str], str | None] = shutil.which) -> str:
    """Return the path of a Chromium.

    Raises:
        ServiceError: there is none; the message names the package.
    """
    for name in _BROWSERS:
        found = which(name)
        if found:
            return found
    raise ServiceError(
        "没有找到 Chromium，无法截图。安装它：sudo apt-get install -y chromium（macOS：装 Google Chrome）"
    )


def has_chinese_font(which: Callable[[str], str | None] = shutil.which) -> bool:
    """Say whether this system has a Chinese font; True where nobody can tell."""
    lister = which("fc-list")
    if lister is None:
        return True
    done = subprocess.run([lister, ":lang=zh", "family"], capture_output=True, text=True, check=False)
    return bool(done.stdout.strip())


def take_picture(url: str, file: Path, *, width: int = 1100, height: int = 1000) -> None:
    """Save a page as PNG.

    Args:
        url: Loopback address of the page.
        file: File to write; replaced if it exists.
        width: Width of the window, pixels.
        height: Height of the window, pixels.

    Raises:
        ServiceError: no browser, no Chinese font, or no picture came out.
    """
    browser = find_browser()
    if not has_chinese_font():
        raise ServiceError("这台机器没有中文字体，截图会是方框。安装它：sudo apt-get install -y fonts-noto-cjk")
    argv = [
        browser,
        "--headless",
        "--disable-gpu",
        "--hide-scrollbars",
        "--no-proxy-server",
        f"--window-size={width},{height}",
        "--virtual-time-budget=3000",
        f"--screenshot={file.resolve()}",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # Chromium's sandbox does not work for root; the page is our own and on loopback.
        argv.append("--no-sandbox")
    file.unlink(missing_ok=True)
    try:
        done = subprocess.run([*argv, url], capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as err:
        raise ServiceError(f"截图失败：{err}") from err
    if not file.exists():
        raise ServiceError(f"截图失败：{done.stderr.strip()[-300:]}")
