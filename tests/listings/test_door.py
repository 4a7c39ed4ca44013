"""All 64 pairs of states, by model, door, API and SQL, from the one table of arrows."""

from itertools import product
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django_fsm import TransitionNotAllowed

from listings import lifecycle
from listings.models import ProductListing
from listings.states import ARROWS, CANCELLABLE, ENTERED_AT, State, allowed_from
from tests.factories import make_listing, rows

pytestmark = pytest.mark.django_db

PAIRS = list(product(State, State))
VERB_TO = {to: verb for (_, to), verb in ARROWS.items()}
CONTRACT = """
    FOUND MESSAGING, MESSAGING NEGOTIATING, NEGOTIATING PURCHASED, PURCHASED RECEIVED, RECEIVED LISTED, LISTED SOLD,
    FOUND CANCELLED, MESSAGING CANCELLED, NEGOTIATING CANCELLED, PURCHASED CANCELLED
"""
# What the API must be told for an arrow that asks for facts.
TOLD: dict[State, dict[str, Any]] = {State.LISTED: {"ebay_listing_id": "110", "ebay_asking_price": 1}}


def test_the_table_is_the_contracts() -> None:
    arrows = {tuple(pair.split()) for pair in CONTRACT.split(",")}
    assert {(str(origin), str(to)) for origin, to in ARROWS} == arrows
    assert not [to for origin, to in ARROWS if origin in (State.SOLD, State.CANCELLED)]
    assert set(ENTERED_AT) == set(State)
    assert set(CANCELLABLE) == {origin for origin, to in ARROWS if to == State.CANCELLED}


@pytest.mark.parametrize(("origin", "to"), PAIRS)
def test_by_the_model(origin: State, to: State) -> None:
    listing = make_listing(origin)
    if to == State.FOUND:
        assert to not in listing.allowed_transitions  # and no method leads there
        return
    method = getattr(listing, VERB_TO[to])
    if (origin, to) in ARROWS:
        method()
        assert listing.state == to
    else:
        with pytest.raises(TransitionNotAllowed):
            method()
        assert listing.state == origin


@pytest.mark.parametrize(("origin", "to"), [pair for pair in PAIRS if pair[1] != State.FOUND])
def test_by_the_door(origin: State, to: State) -> None:
    listing, before = make_listing(origin), rows()
    verb: Any = lifecycle.VERBS[to]
    if (origin, to) in ARROWS:
        moved = verb(listing.pk, by="user:ann", reason="because")
        assert moved.state == to
        assert ProductListing.objects.get().state == to
        assert rows()["TransitionLog"] == before["TransitionLog"] + 1
    else:
        with pytest.raises(lifecycle.IllegalArrow) as refused:
            verb(listing.pk, by="user:ann")
        assert refused.value.allowed == allowed_from(origin)
        assert rows() == before
        assert ProductListing.objects.get().state == origin


@pytest.mark.parametrize(("origin", "to"), PAIRS)
def test_by_the_api(operator: Client, origin: State, to: State) -> None:
    listing, before = make_listing(origin), rows()
    body = {"to_state": to, **TOLD.get(to, {})}
    answer = operator.post(f"/admin/listings/{listing.pk}/transition", body, content_type="application/json")
    after = ProductListing.objects.get()
    if (origin, to) in ARROWS:
        assert (answer.status_code, answer.json()["state"], after.state) == (200, to, to)
        assert answer.json()["allowed_transitions"] == allowed_from(to)
        assert rows()["TransitionLog"] == before["TransitionLog"] + 1
    else:
        assert answer.status_code == 422
        assert answer.json()["detail"]["allowed"] == allowed_from(origin)
        assert (after.state, after.version, after.updated_at) == (origin, listing.version, listing.updated_at)
        assert rows() == before


@pytest.mark.each_database
@pytest.mark.parametrize(("origin", "to"), PAIRS)
def test_by_sql(origin: State, to: State) -> None:
    listing = make_listing(origin)
    if origin == to or (origin, to) in ARROWS:
        move_by_sql(to)
    else:
        with pytest.raises(DatabaseError, match="this arrow does not exist"):
            move_by_sql(to)
    after = ProductListing.objects.get(pk=listing.pk)
    assert after.state == (to if (origin, to) in ARROWS else origin)


def move_by_sql(to: State) -> None:
    """Move the one listing by hand, with every fact that its check constraints could ask for."""
    deadline = "CURRENT_TIMESTAMP" if to in (State.MESSAGING, State.NEGOTIATING) else "NULL"
    profit = "final_profit" if to == State.SOLD else "NULL"
    sql = (
        f"UPDATE listings_productlisting SET state = %s, {ENTERED_AT[to]} = CURRENT_TIMESTAMP, "
        f"deadline_at = {deadline}, final_profit = {profit}"
    )
    with transaction.atomic():
        run(sql, [to])


@pytest.mark.parametrize("state", [*State, "NOWHERE", "found", "", None])
def test_by_sql_a_listing_begins_as_found(state: Any) -> None:
    make_listing(State.SOLD)
    columns = [field.column for field in ProductListing._meta.concrete_fields]
    own = {
        "id": "%s",
        "state": "%s",
        "identity": "'other'",
        "short_code": "'OTHER2'",
        "ebay_listing_id": "NULL",
    }
    own |= {"final_profit": "NULL", "found_at": "CURRENT_TIMESTAMP"}
    values = ", ".join(own.get(column, column) for column in columns)
    sql = f"INSERT INTO listings_productlisting ({', '.join(columns)}) SELECT {values} FROM listings_productlisting"
    identity = "f" * 32
    arguments = [{"id": identity, "state": state}[column] for column in columns if column in ("id", "state")]
    if state == State.FOUND:
        run(sql, arguments)
        assert ProductListing.objects.filter(identity="other").get().state == "FOUND"
    else:
        with pytest.raises(DatabaseError), transaction.atomic():
            run(sql, arguments)
        assert ProductListing.objects.count() == 1


def run(sql: str, arguments: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, arguments)


@pytest.mark.parametrize("state", ["NOWHERE", "found", "", "MESSAGING ", None])
def test_by_sql_there_is_no_other_state(state: Any) -> None:
    make_listing()
    with pytest.raises(DatabaseError), transaction.atomic():
        run("UPDATE listings_productlisting SET state = %s", [state])
    assert ProductListing.objects.get().state == "FOUND"


def test_the_orm_offers_no_way_round() -> None:
    listing = make_listing()
    with pytest.raises(AttributeError):
        listing.state = State.SOLD
    with pytest.raises(AttributeError):
        ProductListing.objects.update(state=State.MESSAGING)
    with pytest.raises(AttributeError):
        ProductListing.objects.filter(pk=listing.pk).update(title="x", state=State.MESSAGING)
    with pytest.raises(AttributeError):
        ProductListing.objects.bulk_update([listing], ["title", "state"])
    with pytest.raises(DatabaseError), transaction.atomic():
        ProductListing._base_manager.filter(pk=listing.pk).update(state=State.SOLD)
    with pytest.raises(DatabaseError), transaction.atomic():
        ProductListing.objects.bulk_create([ProductListing(state=State.SOLD, identity="x")])
    after = ProductListing.objects.get()
    assert (after.state, after.title) == ("FOUND", listing.title)


def test_reading_a_listing_anew_does_not_lift_the_protection() -> None:
    listing = make_listing()
    lifecycle.message_seller(listing.pk, by="user:ann")
    listing.refresh_from_db()
    assert listing.state == "MESSAGING"
    ghost = ProductListing(pk=listing.pk)
    ProductListing.objects.filter(pk=listing.pk).update(title="another")
    listing.refresh_from_db(fields=["title"])
    assert listing.title == "another"
    for each in (listing, ghost):
        with pytest.raises(AttributeError):
            each.state = State.SOLD
