"""Attacks in every text of strangers, looked at in a browser: none leaves an element, runs, or asks anything."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.access.acts import PAGES
from tests.browser.conftest import PASSWORD, Desk
from tests.hostile.stored import poisoned_world

LOOK = """() => ({
  ran: window.heard === 1,
  elements: document.querySelectorAll('[data-canary]').length,
  links: [...document.querySelectorAll('a,area,form')].filter(
    (each) => /^(javascript|data|vbscript):/i.test((each.href || each.action || '').toString().trim())).length,
})"""
CLEAN = {"ran": False, "elements": 0, "links": 0}
SHOWN = [
    act.url for act in PAGES if "export" not in act.url and ".csv" not in act.url and "?after" not in act.url
]


def boss(desk: Callable[..., Desk], dialogs: list[str]) -> Desk:
    """Seat who sees everything; whatever opens a dialog is noted."""
    User.objects.create_superuser("boss", password=PASSWORD)
    seated = desk(name="boss")

    def opened(dialog: Any) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    seated.page.on("dialog", opened)
    return seated


@pytest.mark.parametrize("width", ["wide"])
def test_nothing_that_strangers_write_runs(desk: Callable[..., Desk], settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    rows, dialogs, wrong = poisoned_world(), [], []
    seated = boss(desk, dialogs)
    for url in ["/staff/", *SHOWN]:
        seated.go(url.format(**rows))
        if (seen := seated.page.evaluate(LOOK)) != CLEAN:
            wrong.append((url, seen))
    assert wrong == []
    assert dialogs == []
    # A piece of the board, opened as a page of its own, has no icon.
    seated.complaints[:] = [
        each
        for each in seated.complaints
        if not (each.startswith(f"{seated.url}/staff/board/") and "404" in each)
    ]


@pytest.mark.parametrize("width", ["wide"])
def test_unescaped_it_would_be_there(
    desk: Callable[..., Desk], settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: the look sees what is not escaped."""
    settings.MEDIA_ROOT = tmp_path / "media"
    rows, dialogs = poisoned_world(), []
    seated = boss(desk, dialogs)
    monkeypatch.setattr("django.template.base.conditional_escape", str)
    seated.go(f"/staff/listings/productlisting/{rows['received']}/change/")
    assert seated.page.evaluate(LOOK)["elements"] > 0
    seated.complaints.clear()  # the policy refuses what is inline, and the console says so
