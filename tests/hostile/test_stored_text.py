"""Texts of strangers in files and pages: no formula in a cell, no markup in a page."""

import csv
import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from openpyxl import load_workbook

from integrations.admin import exports
from tests.access.acts import PAGES
from tests.hostile.stored import LONG, SHORT, poison, poisoned_world

pytestmark = pytest.mark.django_db
FORMULA = "=cmd|' /C calc'!A0"
FILES = (
    "/staff/listings/productlisting/export/?format={}",
    "/staff/listings/ledgerline/export/?format={}",
    "/staff/figures/profit-brand.{}?period=all",
)
STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


@pytest.fixture
def boss(settings: Any, tmp_path: Any) -> Client:
    """Who sees everything."""
    settings.MEDIA_ROOT = tmp_path / "media"
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    return client


def words_of(client: Client, url: str) -> list[str]:
    """Return each cell of a CSV file that is no number."""
    answer = client.get(url.format("csv"))
    assert answer.status_code == 200
    lines = csv.reader(io.StringIO(answer.getvalue().decode("utf-8-sig")))
    return [cell for line in lines for cell in line if not _is_number(cell)]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def test_no_file_holds_a_formula(boss: Client) -> None:
    poisoned_world()
    for formula in (FORMULA, "@SUM(1)", "+1+1", "-2+3", "\t=1", " =1", "＝1+1"):
        poison(formula, formula)
        for url in FILES:
            cells = words_of(boss, url)
            assert any(formula.strip() in cell for cell in cells) or "ledger" in url
            assert [cell for cell in cells if cell.lstrip(" ").startswith(STARTS)] == []
            book = load_workbook(io.BytesIO(boss.get(url.format("xlsx")).getvalue()))
            assert [cell for sheet in book for line in sheet for cell in line if cell.data_type == "f"] == []


def test_without_the_prefix_a_cell_would_be_one(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin."""
    poisoned_world()
    poison(FORMULA, FORMULA)
    monkeypatch.setattr(exports, "_FORMULA", exports.re.compile(r"(?!)"))
    assert [cell for cell in words_of(boss, FILES[0]) if cell.startswith("=")] != []


def test_the_attack_is_everywhere() -> None:
    """What strangers fill is poisoned, by name; a new text field joins by itself."""
    poisoned = poisoned_world()["poisoned"]
    assert poisoned >= {
        "ProductListing.title", "ProductListing.location", "ProductListing.brand", "ProductListing.model",
        "ProductListing.product_name", "ProductListing.error_message", "ProductListing.raw_match",
        "Lead.conversation_thread_id", "Lead.seller_messenger_id", "EbayOffer.title", "EbayOffer.description",
        "EbayOffer.url", "OutreachRule.name", "SearchPlan.name", "SearchPlan.search", "ScrapeJob.search",
        "ScrapeJob.error", "InboxMessage.detail", "OutboxMessage.last_error", "InvalidMatch.detail",
        "Approval.approved_by", "Group.name", "User.first_name", "AccessAttempt.user_agent",
    }  # fmt: skip


@pytest.mark.each_database
def test_no_page_breaks_or_holds_its_markup(boss: Client) -> None:
    rows, seen = poisoned_world(), 0
    for act in PAGES:
        answer = boss.get(act.url.format(**rows))
        assert answer.status_code in (200, 302), act.url
        page = b"".join(answer) if answer.streaming else answer.content
        if "html" in answer.headers["Content-Type"]:
            assert b"<b data-canary" not in page, act.url
            assert b"<img data-canary" not in page, act.url
            assert b'href="javascript:' not in page, act.url
            seen += b"data-canary" in page
    assert seen > 20
    assert SHORT in LONG
