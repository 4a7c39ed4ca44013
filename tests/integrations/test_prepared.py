"""Queries that are written once give what the ORM gives, on both databases."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import F
from django.db.transaction import TransactionManagementError

from integrations.clock import Clock
from integrations.models import OutboxMessage
from integrations.prepared import Prepared, among, the
from listings.models import ProductListing
from tests.factories import make_listing

pytestmark = pytest.mark.django_db
KEY = ProductListing._meta.pk


@pytest.fixture
def listings() -> list[ProductListing]:
    return [make_listing(price=price) for price in (100, None, 12.34)]


def test_an_instance_is_what_the_orm_would_read(listings: list[ProductListing]) -> None:
    one = Prepared(
        lambda asked: ProductListing.objects.annotate(more=F("version") + 1).filter(pk=asked), the(KEY)
    )
    for listing in listings:
        found = one.first(listing.pk)
        assert found == listing
        same = ProductListing.objects.get(pk=listing.pk)
        names = [field.attname for field in ProductListing._meta.concrete_fields]
        assert [getattr(found, name) for name in names] == [getattr(same, name) for name in names]
        assert found.more == 2
        assert not found._state.adding
        assert found.allowed_transitions == listing.allowed_transitions


def test_what_is_left_out_is_read_when_it_is_wanted(
    listings: list[ProductListing], django_assert_num_queries: Callable[[int], Any]
) -> None:
    one = Prepared(lambda asked: ProductListing.objects.defer("raw_match").filter(pk=asked), the(KEY))
    with django_assert_num_queries(1):
        found = one.first(str(listings[0].pk))  # as text, too
    with django_assert_num_queries(1):
        assert found.raw_match == listings[0].raw_match


def test_rows_of_many_keys_with_one_parameter(
    listings: list[ProductListing], django_assert_num_queries: Callable[[int], Any]
) -> None:
    columns = ("id", "asking_price", "created_at", "profit_is_provisional")
    rows = ProductListing.objects.order_by("created_at", "id").values_list(*columns)
    many = Prepared(lambda asked: rows.filter(pk__among=asked), among(KEY))
    for wanted in (listings, listings[:1], []):
        with django_assert_num_queries(1):
            found = many.all([listing.pk for listing in wanted])
        assert found == list(rows.filter(pk__in=[listing.pk for listing in wanted]))


def test_constants_stand_on_both_sides_of_the_value() -> None:
    for key, channel, delivered in (("a", "events", None), ("a", "chatterbot", None), ("b", "events", None)):
        OutboxMessage.objects.create(topic="t", key=key, channel=channel, body={}, delivered_at=delivered)
    rows = OutboxMessage.objects.filter(channel="events")
    one = Prepared(lambda asked: rows.filter(key=asked, topic="t"), the(OutboxMessage._meta.get_field("key")))
    assert [row.key for row in one.all("a")] == ["a"]
    assert one.first("c") is None
    assert one.get("a").key == "a"
    with pytest.raises(OutboxMessage.DoesNotExist):
        one.get("c")


def test_a_value_is_never_part_of_the_sql() -> None:
    one = Prepared(lambda asked: User.objects.filter(username=asked), the(User._meta.get_field("username")))
    User.objects.create_user("ann")
    assert one.first("ann") is not None
    assert one.first("' OR '1' = '1") is None
    assert one.first("%s") is None


@pytest.mark.django_db(transaction=True)
def test_a_lock_outside_of_a_transaction_is_refused() -> None:
    listing = make_listing()
    locked = Prepared(
        lambda asked: ProductListing.objects.annotate(db_now=Clock()).select_for_update().filter(pk=asked),
        the(KEY),
    )
    with transaction.atomic():
        assert locked.first(listing.pk).db_now >= listing.created_at
    with pytest.raises(TransactionManagementError, match="holds nothing"):
        locked.first(listing.pk)
    assert connection.get_autocommit()
