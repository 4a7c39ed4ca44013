"""A real browser at two widths, on a live server; whatever its console complains of fails the test."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.factories import staff
from tests.needs import chromium

WIDTHS = {"wide": (1440, 900), "phone": (375, 812)}
SCREENSHOTS = Path(__file__).resolve().parents[2] / "build" / "screenshots"
PATIENCE_MS = 120_000  # until a page is given up, on a machine however busy
PASSWORD = "a-long-enough-password"  # that of tests.factories.staff


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder: it needs Chromium, and a database that a server's threads can see."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.chromium)
            item.add_marker(pytest.mark.django_db(transaction=True))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start Debian's Chromium, or whichever is installed, once."""
    # Playwright keeps an event loop in this thread; the database is asked from it between two steps, never inside one.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox"], timeout=PATIENCE_MS
        )
        expect.set_options(timeout=PATIENCE_MS)
        yield started
        started.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(params=sorted(WIDTHS))
def width(request: pytest.FixtureRequest) -> str:
    """Name the width."""
    return str(request.param)


@pytest.fixture
def server(live_server: Any, settings: Any) -> str:
    """Return the live server's address; it serves our static files as production does."""
    settings.CSRF_TRUSTED_ORIGINS = [live_server.url]
    settings.PUBLIC_URL = live_server.url
    return str(live_server.url)


class Desk:
    """A member of staff before a browser."""

    def __init__(self, page: Page, url: str, name: str, width: str) -> None:
        self.page, self.url, self.name, self.width = page, url, name, width
        self.complaints: list[str] = []
        self.clicks = 0
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error.stack or error}"))

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{self.page.url}: {message.text}")

    def sign_in(self) -> None:
        """Fill in the form at the door."""
        self.page.goto(f"{self.url}/staff/")
        self.page.get_by_label("Username").fill(self.name)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name=re.compile("log in|sign in", re.IGNORECASE)).click()
        self.page.wait_for_url(f"{self.url}/staff/")

    def go(self, path: str) -> None:
        """Open a page."""
        self.page.goto(self.url + path)

    def click(self, target: Any) -> None:
        """Click, and count it."""
        target.click()
        self.clicks += 1

    def picture(self, name: str) -> None:
        """Keep what the page looks like as build output, where PICTURES asks for it."""
        if not os.environ.get("PICTURES"):
            return
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}-{self.width}.png", full_page=True)

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than the screen."""
        return int(
            self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        )


@pytest.fixture
def desk(browser: Browser, server: str, width: str) -> Iterator[Callable[..., Desk]]:
    """Return how a member of staff of a group sits down, signed in; at the end nobody's console has complained."""
    desks: list[Desk] = []
    contexts: list[BrowserContext] = []

    def sit(group: str = "Operators", *, name: str = "ann", scheme: Any = "light") -> Desk:
        if not User.objects.filter(username=name).exists():
            staff(name, group=group)
        size = WIDTHS[width]
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            has_touch=width == "phone",
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        desks.append(Desk(context.new_page(), server, name, width))
        desks[-1].sign_in()
        return desks[-1]

    yield sit
    complaints = [line for each in desks for line in each.complaints]
    for context in contexts:
        context.close()
    assert complaints == []
