"""What eBay told that could not be, settled in the back office: what Apply books, to the penny, and who may."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from integrations.models import InboxMessage
from listings import bookkeeping, lifecycle
from listings.models import LedgerLine, Note, ProductListing
from listings.states import State
from tests.backoffice.pages import INBOX, nothing_written, said
from tests.factories import make_listing, rows
from tests.selling.sales import EBAY_KEY, Tell, arrows, coherent, fresh, kept, last_inbox, sale

pytestmark = pytest.mark.django_db

D = Decimal
Status = InboxMessage.Status
AS_TOLD = "Not saved: Nothing of this can be applied. Dismiss it with a reason."


@pytest.fixture(autouse=True)
def _keys(settings: Any, _environment: None) -> None:
    settings.WEBHOOK_KEYS = {**settings.WEBHOOK_KEYS, "ebay": [EBAY_KEY]}


@pytest.fixture
def conflict(tell: Tell) -> Callable[..., InboxMessage]:
    """Tell what cannot be; return what is kept of it."""

    def post(listing: ProductListing, **changes: Any) -> InboxMessage:
        assert tell(sale(listing, **changes)).status_code == 409
        return last_inbox()

    return post


def shown(client: Client, message: InboxMessage) -> str:
    """Return what the page says that Apply does; nothing where it is not offered."""
    decision = client.get(f"{INBOX}{message.pk}/change/").context["decision"]
    return str(decision["remedy"]) if decision["may_apply"] else ""


def press(client: Client, message: InboxMessage, do: str = "apply", **data: str) -> Any:
    return client.post(f"{INBOX}{message.pk}/settle/", {"do": do, **data})


def lines(listing: ProductListing) -> list[tuple[str, Decimal, str]]:
    return list(LedgerLine.objects.filter(listing=listing).order_by("id").values_list("kind", "amount", "by"))


def applied(client: Client, message: InboxMessage, words: str) -> None:
    """Apply it; hold that the page said so before, and that message and listing remember it."""
    assert shown(client, message) == words
    assert said(press(client, message))[-1] == f"Applied: {words}."
    after = InboxMessage.objects.get(pk=message.pk)
    assert (after.status, after.settled_by) == (Status.PROCESSED, "user:ann")
    assert after.detail == f"{message.detail} Applied: {words}."
    assert Note.objects.filter(listing_id=message.subject, by="user:ann", text=after.detail).count() == 1


def only_dismissed(client: Client, message: InboxMessage) -> None:
    """Hold that it cannot be applied, and that to dismiss it books nothing."""
    assert shown(client, message) == ""
    with nothing_written():
        assert said(press(client, message))[-1] == AS_TOLD
    listing = ProductListing.objects.filter(pk=message.subject).first()
    before = kept(listing) if listing else {}
    press(client, message, "dismiss", reason="Cancelled on eBay")
    after = InboxMessage.objects.get(pk=message.pk)
    assert (after.status, after.settled_by) == (Status.DISMISSED, "user:ann")
    if listing:
        now = kept(listing)
        assert now.pop("notes")[:-1] == before.pop("notes")
        assert now == before


# ---- another amount -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words", "booked", "profit"),
    [
        (
            {"sold_price": "480.005"},
            "Books £480.01 as the price instead of £500.00",
            [("sale", D("-19.99"), "user:ann")],
            D("57.76"),
        ),
        (
            {"ebay_fees": "70"},
            "Books £70.00 as the fees instead of £64.30",
            [("ebay_fees", D("5.70"), "user:ann")],
            D("72.05"),
        ),
        (
            {"shipping_cost": 0},
            "Books £0.00 as the postage instead of £7.95",
            [("postage_out", D("-7.95"), "user:ann")],
            D("85.70"),
        ),
        (
            {"sold_price": 520, "ebay_fees": "66.86"},
            "Books £520.00 as the price instead of £500.00 and £66.86 as the fees instead of £64.30",
            [("ebay_fees", D("2.56"), "user:ann"), ("sale", D("20.00"), "user:ann")],
            D("95.19"),
        ),
    ],
    ids=["price", "fees", "postage", "two"],
)
def test_another_amount_is_booked_by_its_difference(
    operator: Client,
    tell: Tell,
    conflict: Callable[..., InboxMessage],
    change: dict[str, Any],
    words: str,
    booked: list[Any],
    profit: Decimal,
) -> None:
    listing = make_listing(State.LISTED)
    tell(sale(listing))
    before = lines(listing)
    message = conflict(listing, **change)
    applied(operator, message, words)
    assert lines(listing) == before + booked
    for line in LedgerLine.objects.filter(listing=listing).order_by("id")[len(before) :]:
        assert line.corrects is not None and (line.corrects.kind, line.corrects.by) == (line.kind, "ebay")
    assert fresh(listing).final_profit == profit
    assert arrows(listing).count("SOLD") == 1
    coherent(listing)

    settled = kept(listing)
    with nothing_written():
        assert "settled already" in said(press(operator, message))[-1]
    for again in ({}, change):  # both have been told by now: neither is news
        assert tell(sale(listing, **again)).status_code == 200
    assert kept(listing) == settled


def test_another_amount_is_dismissed_and_stays_a_conflict_if_told_again(
    operator: Client, tell: Tell, conflict: Callable[..., InboxMessage]
) -> None:
    listing = make_listing(State.LISTED)
    tell(sale(listing))
    before = lines(listing), fresh(listing).final_profit
    message = conflict(listing, sold_price=480)
    press(operator, message, "dismiss", reason="eBay was wrong")
    assert (lines(listing), fresh(listing).final_profit) == before
    assert InboxMessage.objects.get(pk=message.pk).status == Status.DISMISSED
    assert Note.objects.get(listing=listing, by="user:ann").text.endswith("Dismissed: eBay was wrong")
    assert tell(sale(listing, sold_price=480)).status_code == 409


def test_what_was_not_known_comes_with_it(operator: Client, conflict: Callable[..., InboxMessage]) -> None:
    listing = make_listing(State.LISTED)
    lifecycle.sell(listing.pk, by="user:ann", ebay_sold_price=D(510))
    message = conflict(listing)
    words = "Books £500.00 as the price instead of £510.00 and £64.30 as the fees and £7.95 as the postage"
    applied(operator, message, words)
    now = fresh(listing)
    assert (now.final_profit, now.profit_is_provisional) == (D("77.75"), False)
    assert now.ebay_order_id == "12-34567-89012"
    coherent(listing)


def test_what_staff_corrected_meanwhile_is_counted_from(
    operator: Client, tell: Tell, conflict: Callable[..., InboxMessage]
) -> None:
    listing = make_listing(State.LISTED)
    tell(sale(listing))
    message = conflict(listing, ebay_fees="70.00")
    first = LedgerLine.objects.get(listing=listing, kind="ebay_fees")
    bookkeeping.correct(first.pk, D(66), by="user:bob", note="as the invoice says", listing_id=listing.pk)
    applied(operator, message, "Books £70.00 as the fees instead of £66.00")
    assert lines(listing)[-1] == ("ebay_fees", D("4.00"), "user:ann")
    assert fresh(listing).final_profit == D("72.05")
    coherent(listing)


def test_what_staff_put_right_by_themselves_is_taken_note_of(
    operator: Client, tell: Tell, conflict: Callable[..., InboxMessage]
) -> None:
    listing = make_listing(State.LISTED)
    tell(sale(listing))
    message = conflict(listing, ebay_fees="70.00")
    first = LedgerLine.objects.get(listing=listing, kind="ebay_fees")
    bookkeeping.correct(first.pk, D(70), by="user:bob", note="as eBay says", listing_id=listing.pk)
    booked = lines(listing)
    applied(operator, message, "Takes note that it is booked as eBay told us")
    assert lines(listing) == booked
    assert fresh(listing).final_profit == D("72.05")


# ---- not sold here yet --------------------------------------------------------------------------


def test_before_it_was_bought_it_waits_until_it_is(
    operator: Client, conflict: Callable[..., InboxMessage]
) -> None:
    listing = make_listing(State.NEGOTIATING)
    message = conflict(listing, listing_id="110555")
    assert shown(operator, message) == ""
    with nothing_written():
        assert said(press(operator, message))[-1] == AS_TOLD

    lifecycle.purchase(listing.pk, by="user:ann", purchase_price=D(350))
    applied(operator, message, "Sells it for £500.00, as eBay told us")
    now = fresh(listing)
    assert arrows(listing)[-4:] == ["PURCHASED", "RECEIVED", "LISTED", "SOLD"]
    assert (now.final_profit, now.ebay_listing_id, now.ebay_order_id) == (
        D("77.75"),
        "110555",
        "12-34567-89012",
    )
    assert [each[0] for each in lines(listing)] == ["purchase", "postage_out", "ebay_fees", "sale"]
    assert {log.triggered_by for log in listing.history.filter(sequence__gt=4)} == {"user:ann"}
    coherent(listing)


def test_what_staff_have_sold_meanwhile_is_completed_and_the_words_say_so(
    operator: Client, conflict: Callable[..., InboxMessage]
) -> None:
    listing = make_listing(State.NEGOTIATING)
    message = conflict(listing, listing_id="110555")
    lifecycle.purchase(listing.pk, by="user:ann", purchase_price=D(350))
    lifecycle.walk(listing.pk, State.SOLD, by="user:ann")
    applied(operator, message, "Books £500.00 as the price and £64.30 as the fees and £7.95 as the postage")
    assert fresh(listing).final_profit == D("77.75")
    coherent(listing)


def test_where_ebays_number_became_anothers_it_can_only_be_dismissed(
    operator: Client, conflict: Callable[..., InboxMessage]
) -> None:
    listing = make_listing(State.NEGOTIATING)
    message = conflict(listing, listing_id="110555")
    lifecycle.purchase(listing.pk, by="user:ann", purchase_price=D(350))
    other = make_listing(State.RECEIVED)
    lifecycle.list_on_ebay(other.pk, by="user:ann", ebay_listing_id="110555")
    before = kept(other)
    only_dismissed(operator, message)
    assert kept(other) == before
    assert fresh(listing).state == State.PURCHASED


# ---- what cannot be booked ----------------------------------------------------------------------


def test_a_double_sale_can_only_be_dismissed(
    operator: Client, tell: Tell, conflict: Callable[..., InboxMessage]
) -> None:
    listing = make_listing(State.LISTED)
    tell(sale(listing))
    only_dismissed(operator, conflict(listing, order_id="99-1", sold_price=480))
    assert (fresh(listing).final_profit, fresh(listing).ebay_order_id) == (D("77.75"), "12-34567-89012")


def test_two_names_of_two_listings_can_only_be_dismissed(
    operator: Client, conflict: Callable[..., InboxMessage]
) -> None:
    one, other = make_listing(State.LISTED), make_listing(State.LISTED)
    before = kept(other)
    only_dismissed(operator, conflict(one, sku=str(other.pk)))
    assert kept(other) == before


def test_a_parked_one_can_only_be_dismissed(operator: Client, tell: Tell) -> None:
    assert tell({"listing_id": "999", "sold_price": 5}).status_code == 202
    only_dismissed(operator, last_inbox())


@pytest.mark.parametrize("bought", [True, False])
def test_on_a_cancelled_listing_apply_takes_note_and_books_nothing(
    operator: Client, conflict: Callable[..., InboxMessage], bought: bool
) -> None:
    listing = make_listing(State.PURCHASED if bought else State.FOUND)
    lifecycle.cancel(listing.pk, by="user:bob")
    message = conflict(listing)
    before = kept(listing)
    applied(operator, message, "Takes note of it, and leaves the listing Cancelled")
    now = kept(listing)
    assert len(now.pop("notes")) == len(before.pop("notes")) + 1
    assert now == before
    coherent(listing)


# ---- who may ------------------------------------------------------------------------------------


@pytest.mark.parametrize("do", ["apply", "dismiss"])
def test_viewers_see_it_and_may_not(
    viewer: Client, tell: Tell, conflict: Callable[..., InboxMessage], do: str
) -> None:
    listing = make_listing(State.LISTED)
    tell(sale(listing))
    message = conflict(listing, sold_price=480)
    page = viewer.get(f"{INBOX}{message.pk}/change/")
    assert "price £480.00 instead of £500.00" in page.content.decode()
    assert not page.context["decision"]["may_apply"]
    before = rows()
    with nothing_written():
        assert press(viewer, message, do, reason="x").status_code == 403
        assert press(Client(), message, do, reason="x").status_code == 302  # to the sign-in
    assert rows() == before
    assert InboxMessage.objects.get(pk=message.pk).status == Status.CONFLICT
