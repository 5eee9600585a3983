"""A served dashboard and a real browser that looks at it."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from dagster_project.settings import PROJECT_ROOT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
needs_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium here; `make test` installs it where it may (root, apt-get)"
)
# Marks that keep numbers in order inside right-to-left text.
INVISIBLE = dict.fromkeys(map(ord, "\u2066\u2069\u202d\u202c"))
PATIENCE_SECONDS = 60
# Between a choice and the page's knowing of it the old figures stand there, and nothing is being computed.
NOTE_RERUN = """() => {
    const app = document.querySelector("[data-testid=stApp]");
    window.hasRerun = false;
    new MutationObserver(() => { window.hasRerun ||= app.dataset.testScriptState !== "notRunning"; })
        .observe(app, { attributes: true, attributeFilter: ["data-test-script-state"] });
}"""


@dataclass
class Served:
    """A dashboard that answers on `url`."""

    url: str
    process: psutil.Process


@dataclass
class Visit:
    """A page of the dashboard in the browser, and what went wrong in it."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def open(self, language: str) -> None:
        """The overview in a language."""
        self.page.goto(f"{self.url}/?language={language}")
        self.settle()

    def go_to(self, number: int) -> None:
        """The page of a number, by its link in the side bar."""
        link = self.page.locator("[data-testid=stSidebarNavLink]").nth(number)
        name = link.inner_text()
        link.click()
        self.page.wait_for_function("name => document.querySelector('h1')?.innerText === name", arg=name)
        self.settle()

    def choose(self, label: str, option: str) -> None:
        """An option of a filter; both as the reader sees them."""
        box = self.page.get_by_label(label, exact=True).first
        wanted = self.page.get_by_role("option", name=option, exact=True)
        for _ in range(5):
            box.click()
            with suppress(PlaywrightTimeout):
                # A rerun of the page that began just now closes the list again.
                wanted.wait_for(timeout=4_000)
                break
        self.page.evaluate(NOTE_RERUN)
        wanted.click()
        with suppress(PlaywrightTimeout):
            # What was chosen already computes nothing.
            self.page.wait_for_function("window.hasRerun", timeout=4_000)
        self.settle()

    def settle(self) -> None:
        """Wait until the page is complete and nothing is being computed."""
        self.page.wait_for_selector(".footer")
        self.page.wait_for_function(
            "document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'"
        )
        assert self.page.locator("[data-testid=stException]").count() == 0

    def figure(self, name: str) -> str:
        """The value on a card."""
        return self.page.locator(f"[data-figure={name}] .value").inner_text().translate(INVISIBLE)

    def text(self) -> str:
        """Everything of ours that stands on the page: not Streamlit's own skip link and names of icons."""
        parts = self.page.locator(".stMainBlockContainer, [data-testid=stSidebarUserContent]").all_inner_texts()
        icons = self.page.locator("[data-testid=stIconMaterial]").all_inner_texts()
        words = " ".join(parts).translate(INVISIBLE)
        for icon in set(icons):
            words = words.replace(icon, "")
        return words


@contextmanager
def served(home: Path) -> Iterator[Served]:
    """`python -m dashboard` on a warehouse home, as `make dashboard` starts it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"WAREHOUSE_HOME": str(home)}
    command = [sys.executable, "-m", "dashboard", "--port", str(port)]
    process = subprocess.Popen(command, cwd=PROJECT_ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{port}/_stcore/health")
        yield Served(f"http://127.0.0.1:{port}", psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310  (our own server)
                return
        except OSError:
            assert time.monotonic() < deadline, f"{url} does not answer"
            time.sleep(0.2)


@contextmanager
def opened_browser() -> Iterator[Browser]:
    """A Chromium of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@contextmanager
def visit(browser: Browser, url: str, width: int = 1280) -> Iterator[Visit]:
    """A new window; at its end nothing may have gone wrong and nobody outside may have been asked."""
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.set_default_timeout(PATIENCE_SECONDS * 1000)
    seen = Visit(page, url)
    page.on("console", lambda message: seen.complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on("request", lambda request: None if _is_ours(request.url, url) else seen.complaints.append(request.url))
    yield seen
    page.close()
    assert seen.complaints == []


def _is_ours(requested: str, url: str) -> bool:
    return requested.startswith((url, url.replace("http", "ws"), "data:", "blob:"))
