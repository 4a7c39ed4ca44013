"""What is kept for all pages of the back office shows no page another's: fields, headings, sidebar, far pages."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DataError, connection
from django.test import Client
from django.urls import set_script_prefix

from integrations import paging
from integrations.models import InboxMessage
from listings.models import ProductListing
from tests.backoffice.pages import INBOX, LISTINGS, LISTS, LOG, OUTBOX
from tests.factories import make_listing, signed_in

pytestmark = pytest.mark.django_db
HOSTILE = '<i title="x">&\'{0}</i>'


def html(client: Client, address: str, **query: Any) -> str:
    response = client.get(address, query)
    assert response.status_code == 200
    return str(response.content.decode())


def test_an_answer_stands_in_its_own_field_and_in_nobody_elses_page(viewer: Client) -> None:
    make_listing()
    for _ in range(2):  # the second time, the field is there already
        shown = html(viewer, LISTINGS, brand=HOSTILE, state="FOUND", attention="on")
        assert 'value="&lt;i title=&quot;x&quot;&gt;&amp;&#x27;{0}&lt;/i&gt;"' in shown
        assert HOSTILE not in shown
        assert '<option value="FOUND" selected>' in shown
        assert re.search(r'name="attention"[^>]* checked', shown)
        plain = html(viewer, LISTINGS)
        assert "{0}" not in plain
        assert '<option value="FOUND" selected>' not in plain
        assert not re.search(r'name="attention"[^>]* checked', plain)


def test_a_wrong_answer_is_told_once_and_not_kept(viewer: Client) -> None:
    for _ in range(2):
        shown = html(viewer, LISTINGS, min_price="abc")
        assert "Enter a number." in shown
        assert 'value="abc"' in shown
        assert "Enter a number." not in html(viewer, LISTINGS)
    assert "Enter a number." not in html(viewer, LISTINGS, min_price="12")


def test_every_cell_is_escaped(viewer: Client) -> None:
    make_listing(title=HOSTILE)
    told = {"error_message": HOSTILE, "error_occurred_at": datetime.now(UTC)}
    ProductListing.objects.update(brand=HOSTILE, model=HOSTILE, **told)
    shown = html(viewer, LISTINGS)
    row = re.findall(r'<tr class="data-row.*?</tr>', shown, re.DOTALL)[0]
    assert row.count("&lt;i title=&quot;x&quot;&gt;&amp;&#x27;{0}&lt;/i&gt;") == 4
    assert HOSTILE not in shown


@pytest.mark.parametrize("address", LISTS)
def test_a_row_has_a_cell_for_each_heading_with_its_name(operator: Client, address: str) -> None:
    make_listing()
    shown = html(operator, address)
    headings = re.findall(r"<th [^>]*column-", shown) + re.findall(r"<th [^>]*action-checkbox-column", shown)
    for row in re.findall(r'<tr class="data-row.*?</tr>', shown, re.DOTALL):
        assert row.count("<td ") == row.count(' data-label="') == len(headings)


def test_each_box_holds_its_own_row(operator: Client) -> None:
    rows = [make_listing() for _ in range(3)]
    boxes = re.findall(r'name="_selected_action" value="([^"]*)"', html(operator, LISTINGS))
    assert boxes == [str(row.pk) for row in reversed(rows)]


def test_the_sidebar_is_that_of_the_person_and_of_the_page(operator: Client) -> None:
    nobody = signed_in("nora")
    assert 'href="/staff/integrations/inboxmessage/"' not in html(nobody, "/staff/password_change/")
    assert 'href="/staff/integrations/inboxmessage/"' in html(operator, LOG)
    active = r'<a href="([^"]*)" class="[^"]* active"'
    for address in LISTS:
        assert re.findall(active, html(operator, address)) == [address]
    assert re.findall(active, html(operator, "/staff/")) == ["/staff/"]


def test_a_badge_counts_what_waits_now(operator: Client) -> None:
    badge = rf'href="{INBOX}".*?text-red-700[^>]*>(\d+)</span>'
    entry = rf'href="{INBOX}".*?</li>'
    for number in (0, 1, 2):
        side = re.search(entry, html(operator, OUTBOX), re.DOTALL)
        assert side is not None
        assert re.findall(badge, side[0], re.DOTALL) == ([str(number)] if number else [])
        InboxMessage.objects.create(
            partner="ebay", kind="sold", body=b"{}", status=InboxMessage.Status.CONFLICT
        )


def test_under_a_prefix_every_address_has_it(operator: Client) -> None:
    listing = make_listing()
    html(operator, LISTINGS)
    set_script_prefix("/aetos/")
    try:
        shown = operator.get(LISTINGS, SCRIPT_NAME="/aetos").content.decode()
    finally:
        set_script_prefix("/")
    assert f'href="/aetos{LISTINGS}{listing.pk}/change/"' in shown
    assert f'href="/aetos{INBOX}"' in shown
    assert f'href="{INBOX}"' not in shown
    assert f'href="{INBOX}"' in html(operator, LISTINGS)


def test_a_far_page_is_the_same_from_either_end(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "FAR", 1)
    monkeypatch.setattr("listings.admin.listings.ListingAdmin.list_per_page", 2)
    titles = [make_listing(title=f"No. {number}").title for number in range(7)][::-1]
    pages = [
        [row.title for row in viewer.get(LISTINGS, {"p": number}).context["cl"].result_list]
        for number in (1, 2, 3, 4)
    ]
    assert pages == [titles[0:2], titles[2:4], titles[4:6], titles[6:]]


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-29 10:27:52+00", datetime(2026, 11, 29, 10, 27, 52, tzinfo=UTC)),
        ("2026-11-29 10:27:52.1+00", datetime(2026, 11, 29, 10, 27, 52, 100_000, tzinfo=UTC)),
        ("2026-11-29 10:27:52.000001+05:30", datetime(2026, 11, 29, 4, 57, 52, 1, tzinfo=UTC)),
        ("0001-01-01 00:00:00+00", datetime(1, 1, 1, tzinfo=UTC)),
        (None, None),
    ],
)
def test_a_time_is_read_as_it_was_written(text: str | None, moment: datetime | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT CAST(%s AS timestamptz)", [text])
        read = cursor.fetchone()[0]
    assert read == moment
    assert read is None or read.tzinfo is UTC


@pytest.mark.postgres
@pytest.mark.parametrize("text", ["infinity", "0044-03-15 12:00:00+00 BC"])
def test_a_time_that_python_has_no_value_for_is_refused(text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT CAST(%s AS timestamptz)", [text])
        with pytest.raises(DataError):
            cursor.fetchone()
