"""Any order of any steps and any callbacks, with any bodies: what must be true of every database stays true.

The oracle is the audit that runs every night (aetos/audit.py): the log has no gap and comes to the state, each of its
rows has one event, every profit recomputes.
"""

from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from aetos import audit
from integrations.models import InboxMessage
from listings import lifecycle
from listings.models import ProductListing
from listings.states import State
from tests.factories import a_job, a_match, staff, token
from tests.hostile import bodies
from tests.hostile.effort import effort
from tests.photos.zoo import a_file

pytestmark = [pytest.mark.django_db, pytest.mark.each_database]
PARTNERS = ("scraper", "chatterbot", "ebay")
KINDS = ("message-sent", "seller-replied", "deal-confirmed", "deal-failed")
WEBHOOKS = ["scraper/job-complete", *(f"chatterbot/{kind}" for kind in KINDS), "ebay/item-sold", "telegram"]
NOWHERE = "01a20b4b-54b5-742c-90c5-f55027d30ad2"
PICTURE = a_file()


@pytest.fixture(autouse=True)
def _keys(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.WEBHOOK_KEYS = {name: [f"key-of-{name}"] for name in PARTNERS}
    settings.TELEGRAM_BOT_TOKEN, settings.TELEGRAM_CHAT_ID = "1:x", "5"
    settings.TELEGRAM_WEBHOOK_SECRETS = ["key-of-telegram"]


def tell(client: Client, path: str, body: bytes, content_type: str = "application/json") -> Any:
    """Call a webhook as its partner does: it is answered, and what was told is kept, byte for byte."""
    partner = path.partition("/")[0]
    key = f"key-of-{partner}"
    headers = {"x-api-key": key, "x-telegram-bot-api-secret-token": key}
    before = InboxMessage.objects.count()
    answer = client.post(f"/webhooks/{path}", body, content_type=content_type, headers=headers)
    assert answer.status_code < 500, (path, body, answer.content)
    assert InboxMessage.objects.count() == before + 1, (path, body, answer.status_code)
    kept = InboxMessage.objects.latest("pk")
    assert kept.raw == body
    assert (kept.status == "refused") == (answer.status_code in (400, 413, 415, 422)), answer.content
    assert "Our own fault" not in kept.detail, (path, body)
    return answer


class Life(RuleBasedStateMachine):
    """Three cameras, and everybody who has to do with them at once."""

    def __init__(self) -> None:
        super().__init__()
        self._transaction = transaction.atomic()
        self._transaction.__enter__()
        self.client = Client(raise_request_exception=False)
        self.program = Client(raise_request_exception=False, headers=token(staff("otto", group="Operators")))

    def teardown(self) -> None:
        """Leave the database as it was."""
        transaction.set_rollback(True)
        self._transaction.__exit__(None, None, None)

    @initialize()
    def found(self) -> None:
        """Begin."""
        tell(self.client, "scraper/job-complete", bodies.dumps(a_job(*(a_match(n) for n in range(1, 4)))))
        self.ids = [str(pk) for pk in ProductListing.objects.values_list("pk", flat=True)]
        assert len(self.ids) == 3

    def id(self, number: int) -> str:
        """Name a listing, or one that is not there."""
        return self.ids[number] if number < len(self.ids) else NOWHERE

    @rule(
        price=bodies.mostly(bodies.amounts, bodies.odd_amounts),
        number=st.integers(1, 3),
        more=bodies.anything,
    )
    def found_again(self, price: Any, number: int, more: Any) -> None:
        """ScraperV2 sees one again, at some price."""
        match = a_match(number, price=price)
        match["more"] = more
        tell(self.client, "scraper/job-complete", bodies.dumps(a_job(match)))

    @rule(number=st.integers(0, 3), kind=st.sampled_from(KINDS), body=bodies.callbacks)
    def chatterbot(self, number: int, kind: str, body: dict[str, Any]) -> None:
        """Chatterbot tells something."""
        tell(self.client, f"chatterbot/{kind}", bodies.dumps({"listing_id": self.id(number), **body}))

    @rule(number=st.integers(0, 3), body=bodies.sales)
    def sold(self, number: int, body: dict[str, Any]) -> None:
        """EBayLister tells of a sale."""
        tell(self.client, "ebay/item-sold", bodies.dumps({"sku": self.id(number), **body}))

    @rule(number=st.integers(0, 3), letter=st.sampled_from("mcrsx"), update=st.integers(1, 30))
    def tap(self, number: int, letter: str, update: int) -> None:
        """Somebody taps a button."""
        place = {"message_id": 4, "chat": {"id": 5}}
        query = {
            "id": str(update),
            "from": {"id": 5},
            "message": place,
            "data": f"{letter}:{self.id(number)}",
        }
        tell(self.client, "telegram", bodies.dumps({"update_id": update, "callback_query": query}))

    @rule(number=st.integers(0, 3), to=st.sampled_from(State.values), facts=bodies.facts)
    def step(self, number: int, to: str, facts: dict[str, Any]) -> None:
        """Staff take a step, or try to."""
        self._ask("transition", number, {"to_state": to, **facts})

    @rule(number=st.integers(0, 2))
    def next_step(self, number: int) -> None:
        """Staff take the step that comes next, with what it needs."""
        listing = ProductListing.objects.get(pk=self.ids[number])
        ahead = [to for to in listing.allowed_transitions if to != State.CANCELLED]
        more = (
            {"ebay_listing_id": f"110{number}", "ebay_asking_price": "500"} if ahead == [State.LISTED] else {}
        )
        if ahead:
            self._ask("transition", number, {"to_state": ahead[0], **more})

    @rule(
        number=st.integers(0, 3),
        kind=bodies.texts | st.just("repairs"),
        amount=bodies.odd_amounts | bodies.amounts,
    )
    def book(self, number: int, kind: str, amount: Any) -> None:
        """Staff book a cost."""
        self._ask("ledger", number, {"kind": kind, "amount": amount})

    @rule(number=st.integers(0, 3), amount=bodies.amounts, returned=st.booleans())
    def refund(self, number: int, amount: Any, returned: bool) -> None:
        """Staff book a refund."""
        self._ask("refund", number, {"amount": amount, "note": "x", "returned": returned})

    @rule(number=st.integers(0, 3))
    def retry(self, number: int) -> None:
        """Staff try a failed call again."""
        self._ask("retry", number, {})

    def _ask(self, what: str, number: int, body: dict[str, Any]) -> None:
        answer = self.program.post(
            f"/admin/listings/{self.id(number)}/{what}", bodies.dumps(body), content_type="application/json"
        )
        assert answer.status_code < 500, (what, body, answer.content)

    @invariant()
    def the_audit_finds_nothing(self) -> None:
        """Ask the oracle."""
        found = [(each.name, finding) for each in audit.RULES for finding in each.broken(audit.PATIENCE)]
        assert found == []


def test_any_life_of_a_camera() -> None:
    run_state_machine_as_test(Life, settings=effort(5))


def test_without_the_log_the_audit_would_find_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: a door that writes no event is found within a few steps."""
    monkeypatch.setattr(lifecycle.outbox, "put_rows", list)  # what makes the rows is run, as ever
    with pytest.raises(AssertionError, match="event"):
        run_state_machine_as_test(
            Life, settings=settings(effort(2), report_multiple_bugs=False, max_examples=2)
        )


# ---- the parsers --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", WEBHOOKS)
def test_any_bytes_are_kept_and_answered(path: str) -> None:
    client = Client(raise_request_exception=False)

    @effort(12)
    @given(
        body=st.binary(max_size=60) | bodies.anything.map(bodies.dumps) | st.sampled_from(BROKEN),
        content_type=st.sampled_from(
            ["application/json"] * 6 + ["application/x+json", "text/plain", "", "é"]
        ),
    )
    def told(body: bytes, content_type: str) -> None:
        tell(client, path, body, content_type)

    told()


@pytest.mark.parametrize("path", WEBHOOKS)
def test_any_value_in_any_field_is_answered(path: str) -> None:
    client = Client(raise_request_exception=False)
    names = st.sampled_from(
        ["job_id", "brands", "brand", "matches", "update_id", "message", "callback_query"]
    )
    values = bodies.anything | st.just("0b0c5e0e-2f3e-4c53-9a53-1f2f3f4f5f6f") | st.integers(1, 9)
    fields = st.dictionaries(names, values | st.lists(values, max_size=3), max_size=4)
    fields = bodies.callbacks if "chatterbot" in path else bodies.sales if "ebay" in path else fields

    @effort(12)
    @given(body=fields)
    def told(body: dict[str, Any]) -> None:
        tell(client, path, bodies.dumps({"listing_id": NOWHERE, **body}))

    told()


BROKEN = [
    b"",
    b"{",
    b"\xff\xfe{\x00}\x00",
    b"\xef\xbb\xbf{}",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b"9" * 10_000,
    b"-",
    b"NaN",
    b'{"update_id": 1, "update_id": 2}',
    b'"\\ud800"',
    b'{"job_id": "\\u0000"}',
    b"{} {}",
    b"null",
]
