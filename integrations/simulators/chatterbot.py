"""Chatterbot's lead API as it was seen on the wire, and the messages to sellers that follow from a lead."""

import json
import re
import time
from dataclasses import asdict
from typing import Any

from integrations.simulators.conversation import OUTCOMES
from integrations.simulators.faults import Fault
from integrations.simulators.leads import REQUIRED, Breakdown, Conflict, Lead, Leads
from integrations.simulators.messenger import ACTS, Messenger
from integrations.simulators.partner import Partner
from integrations.simulators.wire import HTML, JSON, Answer, Request, Unreadable, same_key
from integrations.simulators.world import World

NOT_FOUND = (
    "The requested URL was not found on the server. If you entered the URL manually "
    "please check your spelling and try again."
)
NOT_JSON = (
    "Did not attempt to load JSON data because the request Content-Type was not &#39;application/json&#39;."
)
BROKEN = (
    "The server encountered an internal error and was unable to complete your request. "
    "Either the server is overloaded or there is an error in the application."
)
# The pages that its web framework answers with by itself.
PAGES = {
    400: ("Bad Request", "The browser (or proxy) sent a request that this server could not understand."),
    404: ("Not Found", NOT_FOUND),
    405: ("Method Not Allowed", "The method is not allowed for the requested URL."),
    415: ("Unsupported Media Type", NOT_JSON),
    429: ("Too Many Requests", "This user has exceeded an allotted request count. Try again later."),
    500: ("Internal Server Error", BROKEN),
}
ROUTES = {"/health": ("GET",), "/leads": ("GET", "POST"), "/leads/batch": ("POST",)}
STATUS = re.compile(r"/leads/(\d+)/status")
# Numbers given out before a restart must not come again: real ones live in a database.
EPOCH = 1_735_689_600


class Refused(Exception):
    """The request ends here, with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Chatterbot(Partner):
    """Keeps leads and talks to sellers. Outcomes for `_faults`: confirmed, failed, replied, silent.

    `first_order_id` is where its numbering begins; by default it follows from the time of day, so
    that two runs don't share a number.
    """

    name = "chatterbot"
    outcomes = OUTCOMES

    def __init__(self, world: World, first_order_id: int = 0) -> None:
        super().__init__(world)
        self.first_order_id = first_order_id or int(time.time()) - EPOCH
        self.leads = Leads(self.first_order_id)
        self.messenger = Messenger(self)

    def route(self, request: Request, fault: Fault) -> Answer:
        """Take a request, return the answer of the API."""
        try:
            return self._route(request, fault)
        except Refused as refused:
            return refused.answer
        except Breakdown:
            return page(500)

    def refuse(self, fault: Fault) -> Answer:
        """Return the refusal as a page, as the framework does it."""
        return page(fault.refusal)

    def act(self, order: dict[str, Any]) -> dict[str, Any]:
        """Take `{"act": "deal-confirmed", "order_id" or "listing_id": …}`, call the orchestrator with it.

        Further members replace those of the body; with `"body"` that is sent as it is. Return the
        reply's status and answer, and what was sent.
        """
        act = order.get("act")
        if act not in ACTS:
            raise ValueError(f"act is one of {', '.join(ACTS)}")
        if "body" in order:
            return self.messenger.send(act, order["body"])
        lead = self.lead(order.get("order_id"), order.get("listing_id"))
        changes = {
            name: value for name, value in order.items() if name not in ("act", "order_id", "listing_id")
        }
        return self.messenger.send(act, {**self.messenger.body(lead.order_id, act), **changes})

    def lead(self, order_id: int | None = None, listing_id: str | None = None) -> Lead:
        """Take an order id or the listing's, return the lead; raise ValueError where there is none."""
        with self.lock:
            for row in self.leads.rows.values():
                if row.order_id == order_id or (listing_id and row.listing_id == listing_id):
                    return row
        raise ValueError("no such lead")

    def kept(self) -> dict[str, Any]:
        """Return every lead with how its conversation will go and how far it is."""
        rows = []
        for row in self.leads.rows.values():
            plan = asdict(self.messenger.talks[row.order_id].plan)
            rows.append({**row.shown(), "listing_id": row.listing_id, "conversation": plan})
        return {"leads": rows, "messages_sent": self.messenger.messages_sent}

    def forget(self) -> None:
        """Forget the leads and their conversations; the numbering goes on."""
        self.leads.rows.clear()
        self.messenger.forget()

    def remembered(self) -> Any:
        """Return the leads with how far their conversations are."""
        with self.lock:
            return [
                {"lead": talk.lead.written(), "outcome": talk.plan.outcome, "told": talk.told}
                for talk in self.messenger.talks.values()
            ]

    def recall(self, kept: Any) -> None:
        """Take the leads of an earlier run and go on talking."""
        for entry in kept:
            lead = Lead.read(entry["lead"])
            with self.lock:
                self.leads.put(lead)
            self.messenger.resume(lead, entry["outcome"], entry["told"])

    def _route(self, request: Request, fault: Fault) -> Answer:
        path, found = request.path, STATUS.fullmatch(request.path)
        allowed = ("PUT",) if found else ROUTES.get(path)
        if allowed is None:
            return page(404)
        if request.method not in allowed:
            return page(405)
        if path == "/health":
            return sorted_json(200, {"status": "ok"})
        if not same_key(request.bearer(), self.world.keys.chatterbot_api_key):
            return sorted_json(401, {"error": "unauthorized"})
        if found:
            return self._set_status(int(found[1]), _content(request))
        if request.method == "GET":
            return self._list(request)
        return (
            self._batch(_content(request), fault)
            if path.endswith("batch")
            else self._add(_content(request), fault)
        )

    def _add(self, content: Any, fault: Fault) -> Answer:
        """Answer POST /leads. A duplicate gets no order id, which is the real one's way."""
        if any(name not in content for name in REQUIRED):
            return sorted_json(400, {"error": "missing required fields"})
        try:
            with self.lock:
                lead = self.leads.insert(content)
        except Conflict:
            return sorted_json(200, {"status": "duplicate"})
        self.messenger.take(lead, fault)
        return sorted_json(201, {"status": "created", "order_id": lead.order_id})

    def _batch(self, content: Any, fault: Fault) -> Answer:
        """Answer POST /leads/batch, with the counts that its rollback makes wrong."""
        if "leads" not in content:
            return sorted_json(400, {"error": "leads array required"})
        sent = content["leads"]
        if not isinstance(sent, list) or not sent:
            return sorted_json(400, {"error": "leads must be non-empty array"})
        if not all(isinstance(lead, dict) for lead in sent):
            raise Breakdown
        if any(name not in lead for lead in sent for name in REQUIRED):
            return sorted_json(400, {"error": "missing required fields in one or more leads"})
        created, kept = self._insert_all(sent)
        for lead in kept:
            self.messenger.take(lead, fault)
        counts = {"created": created, "duplicates": len(sent) - created, "total": len(sent)}
        return sorted_json(201, {"status": "completed", **counts})

    def _insert_all(self, sent: list[dict[str, Any]]) -> tuple[int, list[Lead]]:
        """Return how many the answer claims, and which rows are really there."""
        created = 0
        kept: list[Lead] = []
        with self.lock:
            for content in sent:
                try:
                    kept.append(self.leads.insert(content, in_batch=True))
                    created += 1
                except (Conflict, Breakdown) as error:
                    # One refused row rolls back those before it in the same transaction.
                    self.leads.withdraw(kept)
                    kept = []
                    if isinstance(error, Breakdown):
                        raise
        return created, kept

    def _list(self, request: Request) -> Answer:
        given = request.arguments.get("limit", "")
        limit = int(given) if re.fullmatch(r"-?\d{1,9}", given) else 10
        if limit < 0:
            return page(500)
        with self.lock:
            return sorted_json(200, {"leads": [row.shown() for row in self.leads.pending(limit)]})

    def _set_status(self, order_id: int, content: Any) -> Answer:
        """Answer PUT /leads/{order_id}/status: any word will do, and an unknown lead is no error."""
        if not content.get("status"):
            return sorted_json(400, {"error": "status required"})
        with self.lock:
            row = self.leads.rows.get(order_id)
            if row:
                row.status = str(content["status"])
        return sorted_json(200, {"updated": row is not None})


def _content(request: Request) -> Any:
    """Return the request's JSON; raise Refused where it is none, Breakdown where it is no object."""
    if request.content_type != JSON:
        raise Refused(page(415))
    try:
        content = request.json()
    except Unreadable as error:
        raise Refused(page(400)) from error
    if not isinstance(content, dict):
        raise Breakdown
    return content


def page(status: int) -> Answer:
    """Take a status, return the page that the framework answers with."""
    title, text = PAGES.get(status, (f"Error {status}", "Switched fault"))
    heading = (
        f"<!doctype html>\n<html lang=en>\n<title>{status} {title}</title>\n<h1>{title}</h1>\n<p>{text}</p>\n"
    )
    return Answer(status, heading.encode(), HTML)


def sorted_json(status: int, content: dict[str, Any]) -> Answer:
    """Take a status and an object, return it with its keys sorted and a line's end, as Flask does."""
    return Answer(status, json.dumps(content, sort_keys=True, separators=(",", ":")).encode() + b"\n")
