"""The twins of what protects from partners: the product without one of them."""

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.faults.twins import twin


@twin("asked once")
def asked_once() -> None:
    """A call that failed is given up."""
    from integrations import relay

    relay.CALLS_POLICY = replace(relay.CALLS_POLICY, attempts=1)


@twin("waits for ever")
def waits_for_ever() -> None:
    """Whoever calls a partner waits until it has answered, however long that takes."""
    from integrations import http, lease

    http.CONNECT_SECONDS = http.READ_SECONDS = http.WHOLE_ANSWER_SECONDS = 3600.0
    lease._time = lambda channel: timedelta(days=1)


@twin("a redirect is final")
def a_redirect_is_final() -> None:
    """A partner that wants to be called elsewhere is not called again."""
    from integrations import http

    demand = http._demand_success

    def final(partner: str, response: Any, body: bytes = b"") -> None:
        if 300 <= response.status_code < 400:
            raise http.PermanentError(f"{partner} answered {response.status_code}.")
        demand(partner, response, body)

    http._demand_success = final


@twin("a number that is taken is final")
def a_number_that_is_taken_is_final() -> None:
    """An answer that belongs to another call is taken for the last word."""
    from integrations.http import PermanentError
    from listings.offers import answers

    def final(text: str, **options: Any) -> PermanentError:
        return PermanentError(text)

    answers.TransientError = final  # type: ignore[assignment]


@twin("a new name each time")
def a_new_name_each_time() -> None:
    """A call that is repeated can't be told from a new one: another URL, sku and key, and nobody looks first."""
    from integrations import chatterbot, ebaylister
    from scraping import deliveries

    payload, create = chatterbot.Lead.payload, ebaylister.create

    def renamed(lead: Any) -> dict[str, Any]:
        return payload(lead) | {"url": f"{lead.url}?ref={uuid.uuid4()}"}

    def anew(offer: Any, *, key: str) -> Any:
        return create({**offer, "sku": str(uuid.uuid4())}, key=str(uuid.uuid4()))

    chatterbot.Lead.payload = renamed  # type: ignore[method-assign,assignment]
    ebaylister.create = anew
    deliveries._started_before = lambda job, since: None


@twin("nothing is cleared away")
def nothing_is_cleared_away() -> None:
    """What was written of a photo before the disk was full stays there."""
    from listings.photos import files

    files.discard = lambda names: None
