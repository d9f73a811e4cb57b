"""Make sure the browser tests have a Chromium: one on PATH, else apt as root, else Playwright's own download.

Exits 1 with a sentence when none of the three ways works; a browser test is never skipped silently.
"""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium_path() -> str | None:
    """The browser on PATH, or Playwright's downloaded one, or None."""
    for name in NAMES:
        found = shutil.which(name)
        if found and starts(found):
            return found
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # only needed when PATH has no browser

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if os.path.exists(path) and starts(path) else None  # noqa: PTH110  # Playwright gives a plain string


def starts(path: str) -> bool:
    """Whether this browser really runs: a file without its libraries, or a stub of a package manager, does not."""
    try:
        return subprocess.run([path, "--version"], check=False, capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def install() -> None:
    """Try the package manager when allowed to, then Playwright's download."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=False, env=quiet)
        packages = ["chromium", "fonts-dejavu-core"]
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], check=False, env=quiet
        )
    if chromium_path() is None:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


def main() -> int:
    """Install a Chromium when there is none; say what to do when that fails."""
    if chromium_path() is None:
        install()
    if path := chromium_path():
        print(f"Chromium for the browser tests: {path}")  # noqa: T201  # a step of make speaks to its reader
        return 0
    print(  # noqa: T201  # same reason
        "The browser tests need Chromium and none could be installed. Install one by hand "
        "(Debian: apt-get install chromium) so that `chromium` is on PATH, then run make test again.",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
