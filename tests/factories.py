"""Things that tests need, made through the product's own doors."""

import itertools
import json
import uuid
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client, override_settings

from listings import lifecycle
from listings.models import ProductListing
from listings.states import ARROWS, State
from scraping import jobs

_numbers = itertools.count(100_000)


def _ways() -> dict[State, list[State]]:
    """Find the shortest legal way to each state, after FOUND."""
    ways: dict[State, list[State]] = {State.FOUND: []}
    for state in (reached := [State.FOUND]):
        for origin, to in ARROWS:
            if origin == state and to not in ways:
                ways[to] = [*ways[state], to]
                reached.append(to)
    return ways


WAYS = _ways()


def dumps(value: Any) -> bytes:
    """Write JSON as the partners do."""
    return json.dumps(value).encode()


def a_match(number: int | None = None, **changes: Any) -> dict[str, Any]:
    """Return one match in ScraperV2's form; `url`, `title`, `price`, `location` go into its listing."""
    number = next(_numbers) if number is None else number
    match: dict[str, Any] = {
        "listing": {
            "url": f"https://www.facebook.com/marketplace/item/{number}/?ref=search&tracking=abc%3A{number}",
            "title": f"Sony A6400 no. {number}",
            "price": 400.0,
            "location": None,
        },
        "product": {"id": 230, "brand": "Sony", "model": "a6400", "full_name": "Sony a6400"},
        "confidence": 95.0,
        "match_breakdown": {"title_score": 100.0},
        "reasons": ["Exact model match: 'a6400'"],
        "potential_profit": 100.0,
    }
    for name, value in changes.items():
        (match["listing"] if name in match["listing"] else match)[name] = value
    return match


def a_job(*matches: Any, job_id: str | None = None, **changes: Any) -> dict[str, Any]:
    """Return the body of a job-complete call."""
    return {"job_id": job_id or str(uuid.uuid4()), "brands": ["Sony"], "matches": list(matches), **changes}


def make_listing(state: str = State.FOUND, *, by: str = "user:test", **match: Any) -> ProductListing:
    """Bring a listing through the door into `state`: bought at 350.00, listed at 500.00, sold at 500.00.

    Telegram hears nothing of it: what a test asserts of messages begins with the test.
    """
    with override_settings(TELEGRAM_BOT_TOKEN=""):
        return _walked(State(state), a_match(**match), by=by)


def _walked(state: State, body: dict[str, Any], *, by: str) -> ProductListing:
    before = set(ProductListing.objects.values_list("pk", flat=True))
    jobs.complete(uuid.uuid4(), brands=["Sony"], matches=[body])
    listing = ProductListing.objects.exclude(pk__in=before).get()
    facts: dict[State, dict[str, Any]] = {
        State.PURCHASED: {"purchase_price": 350},
        State.LISTED: {"ebay_listing_id": f"11{next(_numbers)}", "ebay_asking_price": 500},
        State.SOLD: {"ebay_sold_price": 500, "ebay_fees": 60, "shipping_cost": 10},
    }
    for step in WAYS[state]:
        verb: Any = lifecycle.VERBS[step]
        verb(
            listing.pk,
            by=by,
            **{name: lifecycle_amount(value) for name, value in facts.get(step, {}).items()},
        )
    return ProductListing.objects.get(pk=listing.pk)


def lifecycle_amount(value: Any) -> Any:
    """Turn a whole number into an amount."""
    from decimal import Decimal

    return Decimal(value) if isinstance(value, int) else value


def staff(name: str, *, group: str = "") -> User:
    """Make a member of staff, in a group if one is named."""
    user = User.objects.create_user(name, password="a-long-enough-password", is_staff=True)
    if group:
        user.groups.add(Group.objects.get(name=group))
    return user


def signed_in(name: str, *, group: str = "") -> Client:
    """Return a client with a session of a new member of staff."""
    client = Client()
    client.force_login(staff(name, group=group))
    return client


def rows() -> dict[str, int]:
    """Count the rows of each table of ours: a refusal leaves every number as it was."""
    models = [model for label in ("integrations", "listings", "scraping") for model in _models(label)]
    each = (f"SELECT '{model.__name__}', COUNT(*) FROM \"{model._meta.db_table}\"" for model in models)
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(each))  # one question: it is asked thousands of times
        return dict(cursor.fetchall())


def _models(label: str) -> list[Any]:
    return list(apps.get_app_config(label).get_models())


def token(user: User) -> dict[str, str]:
    """Return the headers with which a program of this user signs in."""
    from rest_framework.authtoken.models import Token

    return {"authorization": f"Token {Token.objects.get_or_create(user=user)[0].key}"}
