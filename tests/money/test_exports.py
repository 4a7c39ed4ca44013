"""Lists as files: what the filters leave, harmless in a spreadsheet, in no more memory than a few rows need."""

import csv
import io
import tracemalloc
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from openpyxl import load_workbook

from integrations.admin import exports
from listings import bookkeeping, tax_year
from listings.models import LedgerLine, ProductListing
from listings.states import State
from tests.backoffice.pages import LISTINGS, nothing_written
from tests.factories import make_listing, signed_in

D = Decimal
LEDGER = "/staff/listings/ledgerline/"
FORMULAS = ["=1+1", "+44 123", "-5% off", "@SUM(A1)", "\t=1", " =1", "＝1"]

pytestmark = pytest.mark.django_db


def as_csv(client: Client, url: str) -> list[dict[str, str]]:
    response: Any = client.get(url)
    assert response.status_code == 200, response
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    data = b"".join(response.streaming_content)
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def sheets(client: Client, url: str) -> list[Any]:
    response: Any = client.get(url)
    assert response.status_code == 200
    book = load_workbook(io.BytesIO(b"".join(response.streaming_content)))
    return book.worksheets


def as_xlsx(client: Client, url: str) -> list[dict[str, Any]]:
    heads, *rows = sheets(client, url)[0].iter_rows(values_only=True)
    return [dict(zip(heads, row, strict=True)) for row in rows]


# ---- which rows ---------------------------------------------------------------------------------


@pytest.mark.parametrize("read", [as_csv, as_xlsx])
@pytest.mark.parametrize(
    ("asked", "titles"),
    [
        ("", ["dear", "cheap", "gone"]),
        ("&state=FOUND", ["dear", "cheap"]),
        ("&q=dea", ["dear"]),
        ("&max_price=500&state=FOUND", ["cheap"]),
        ("&state=LISTED", []),
        ("&o=2", ["gone", "cheap", "dear"]),
        ("&p=2", ["dear", "cheap", "gone"]),  # a file has no pages
    ],
)
def test_the_file_has_what_the_list_shows(viewer: Client, read: Any, asked: str, titles: list[str]) -> None:
    make_listing(State.CANCELLED, title="gone", price=1)
    make_listing(title="cheap", price=100)
    make_listing(title="dear", price=900)
    with nothing_written():
        rows = read(viewer, f"{LISTINGS}export/?format={read.__name__[3:]}{asked}")
    assert [row["Title"] for row in rows] == titles


def test_the_list_offers_its_own_filters(viewer: Client) -> None:
    html = viewer.get(f"{LISTINGS}?state=FOUND&q=a%26b&p=1").content.decode()
    for name in ("csv", "xlsx"):
        assert f'href="{LISTINGS}export/?state=FOUND&amp;q=a%26b&amp;format={name}"' in html


@pytest.mark.parametrize("asked", ["min_price=lots", "state=SELLING", "nosuch=1"])
def test_a_filter_that_is_not_understood_is_no_file(viewer: Client, asked: str) -> None:
    make_listing()
    response = viewer.get(f"{LISTINGS}export/?format=csv&{asked}")
    assert (response.status_code, response["Location"]) == (302, f"{LISTINGS}?{asked}")


def test_who_may_take_it_along() -> None:
    stranger = signed_in("sam")
    for path in (LISTINGS, LEDGER):
        url = f"{path}export/?format=csv"
        assert Client().get(url)["Location"].startswith("/staff/login/")
        assert stranger.get(url).status_code == 403


def test_there_are_two_formats_and_nothing_is_posted(viewer: Client) -> None:
    for asked in ("", "?format=pdf", "?format="):
        assert viewer.get(f"{LISTINGS}export/{asked}").status_code == 404
    assert viewer.post(f"{LISTINGS}export/?format=csv").status_code == 403


# ---- what is in a cell --------------------------------------------------------------------------


@pytest.mark.parametrize("title", FORMULAS)
def test_a_title_is_never_a_formula(viewer: Client, title: str) -> None:
    ProductListing.objects.filter(pk=make_listing().pk).update(title=title)
    assert as_csv(viewer, f"{LISTINGS}export/?format=csv")[0]["Title"] == f"'{title}"
    sheet = sheets(viewer, f"{LISTINGS}export/?format=xlsx")[0]
    cell = sheet.cell(2, 2)
    assert (cell.data_type, cell.value) == ("s", f"'{title}")


@pytest.mark.parametrize("title", ["#N/A", "a=b", 'Sony, "A7"\nboxed', "Größe 5 – café", "12"])
def test_other_titles_stay_as_they_are(viewer: Client, title: str) -> None:
    ProductListing.objects.filter(pk=make_listing().pk).update(title=title)
    assert as_csv(viewer, f"{LISTINGS}export/?format=csv")[0]["Title"] == title
    cell = sheets(viewer, f"{LISTINGS}export/?format=xlsx")[0].cell(2, 2)
    assert (cell.data_type, cell.value) == ("s", title)


def test_amounts_are_numbers_and_unknown_ones_are_empty(viewer: Client, settings: Any) -> None:
    settings.STAFF_TIME_ZONE = "Asia/Tokyo"
    listing = make_listing(State.SOLD)
    bookkeeping.refund(listing.pk, D(500), by="user:ann", note="x", returned=True)
    row = as_xlsx(viewer, f"{LISTINGS}export/?format=xlsx")[0]
    assert (row["Sold for"], row["Profit"], row["Price agreed"]) == (500, -420, None)
    assert row["Currency"] == "GBP"
    assert isinstance(row["Found"], datetime)
    assert abs((row["Found"] - listing.found_at.replace(tzinfo=None)).total_seconds() - 9 * 3600) < 2
    text = as_csv(viewer, f"{LISTINGS}export/?format=csv")[0]
    assert (text["Sold for"], text["Profit"], text["Price agreed"]) == ("500.00", "-420.00", "")


# ---- the ledger ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "label"),
    [
        (date(2026, 4, 5), "2025/26"),
        (date(2026, 4, 6), "2026/27"),
        (date(2027, 4, 5), "2026/27"),
        (date(2000, 1, 1), "1999/00"),
        (date(2100, 4, 6), "2100/01"),
    ],
)
def test_the_tax_year_begins_on_6_april(day: date, label: str) -> None:
    year = tax_year.year_of(day)
    assert tax_year.label(year) == label
    assert tax_year.first_day(year) <= day <= tax_year.last_day(year)


def booked(listing: ProductListing, *days: str) -> None:
    for day in days:
        on = date.fromisoformat(day)
        bookkeeping.book(listing.pk, "other", D(5), by="user:ann", on=on, note=f"=cmd {day}")


def test_the_ledger_of_a_tax_year(viewer: Client) -> None:
    listing, other = make_listing(State.PURCHASED), make_listing(State.PURCHASED)
    booked(listing, "2024-04-05", "2024-04-06", "2025-04-05", "2025-04-06")
    booked(other, "2024-12-24")
    rows = as_csv(viewer, f"{LEDGER}export/?format=csv&year=2024")
    assert [row["Date"] for row in rows] == ["2025-04-05", "2024-12-24", "2024-04-06"]
    assert {row["Tax year"] for row in rows} == {"2024/25"}
    asked = f"{LEDGER}export/?format=csv&year=2024&listing={other.short_code.lower()}&kind=other"
    assert [row["Note"] for row in as_csv(viewer, asked)] == ["'=cmd 2024-12-24"]
    html = viewer.get(f"{LEDGER}?year=2024").content.decode()
    assert '<option value="2024" selected>2024/25</option>' in html


@pytest.mark.parametrize("read", [as_csv, as_xlsx])
def test_the_effects_add_up_to_the_profit(viewer: Client, read: Any) -> None:
    listing = make_listing(State.SOLD)
    bookkeeping.book(listing.pk, "repairs", D("12.34"), by="user:ann")
    line = LedgerLine.objects.get(listing=listing, kind="purchase")
    bookkeeping.correct(line.pk, D(340), by="user:ann", note="back", listing_id=listing.pk)
    bookkeeping.refund(listing.pk, D(20), by="user:ann", note="scratch", returned=False)
    rows = read(viewer, f"{LEDGER}export/?format={read.__name__[3:]}")
    assert sum(D(str(row["Effect on profit"])) for row in rows) == D("57.66")
    assert sum(D(str(row["Amount as booked"])) for row in rows) == D("942.34")
    assert {row["Code"] for row in rows} == {listing.short_code}
    [correction] = [row for row in rows if row["Corrects line"] not in ("", None)]
    assert D(str(correction["Amount as booked"])) == D("-10.00")
    assert D(str(correction["Effect on profit"])) == D("10.00")


def test_the_page_of_a_line(viewer: Client) -> None:
    listing = make_listing(State.SOLD)
    line = LedgerLine.objects.get(listing=listing, kind="purchase")
    html = viewer.get(f"{LEDGER}{line.pk}/change/").content.decode()
    assert "−£350.00" in html
    assert viewer.get(LEDGER).status_code == 200


# ---- how much of it -----------------------------------------------------------------------------


def peak(rows: int, kind: str) -> int:
    """Return the most memory, in bytes, that a file of so many rows took."""

    def many() -> Iterator[list[Any]]:
        for number in range(rows):
            yield [f"K7Q{number}", "Canon EOS 90D, boxed" * 3, D("12.34"), date(2026, 4, 6), None]

    headings = ["Code", "Title", "Amount", "Date", "Note"]
    tracemalloc.start()
    try:
        if kind == "csv":
            size = sum(len(piece) for piece in exports.csv_lines(headings, many()))
        else:
            with exports.xlsx_file(headings, many()) as file:
                size = file.seek(0, io.SEEK_END)
        assert size > rows * 5
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("kind", "rows"), [("csv", 20_000), ("xlsx", 2_000)])
def test_a_long_file_needs_no_more_memory_than_a_short_one(kind: str, rows: int) -> None:
    peak(10, kind)  # what is imported and compiled on the way counts for neither
    assert peak(rows, kind) < peak(rows // 10, kind) * 1.2 + 50_000


def test_the_rows_are_read_a_few_at_a_time(viewer: Client, django_assert_max_num_queries: Any) -> None:
    listing = make_listing(State.PURCHASED)
    LedgerLine.objects.bulk_create(
        LedgerLine(listing=listing, kind="other", amount=1, date=date(2026, 1, 1), by="user:ann")
        for _ in range(2_000)
    )
    with django_assert_max_num_queries(12):
        response: Any = viewer.get(f"{LEDGER}export/?format=csv")
        pieces = list(response.streaming_content)
    assert len(pieces) == 5
    assert b"".join(pieces).count(b"\r\n") == 2_002


def test_a_sheet_that_is_full_is_followed_by_another(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "ROWS_OF_A_SHEET", 2)
    for _ in range(3):
        make_listing()
    first, second = sheets(viewer, f"{LISTINGS}export/?format=xlsx")
    assert (first.max_row, second.max_row) == (3, 2)
    assert first.cell(1, 1).value == second.cell(1, 1).value == "Code"
