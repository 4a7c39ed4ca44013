"""Chatterbot's messaging: five messages an hour at most, and what sellers make of them."""

import logging
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from integrations.simulators.conversation import CONFIRMED, FAILED, SILENT, Conversation, foreseen
from integrations.simulators.faults import NONE, Fault
from integrations.simulators.leads import Lead
from integrations.simulators.partner import Partner, readable

log = logging.getLogger("simulators")

SENT, REPLIED, DEAL, NO_DEAL = "message-sent", "seller-replied", "deal-confirmed", "deal-failed"
ACTS = (SENT, REPLIED, DEAL, NO_DEAL)
PER_HOUR = 5
SHORTEST_WAIT = 0.1
ATTEMPTS = 5


@dataclass
class Talk:
    """A lead, how its conversation will go, the fault that it came under, and what was told last."""

    lead: Lead
    plan: Conversation
    fault: Fault
    told: str = ""


class Messenger:
    """Sends a message for each lead in order, within the rate, and calls back as the talk goes on."""

    def __init__(self, partner: Partner) -> None:
        self.partner = partner
        self.world = partner.world
        self.talks: dict[int, Talk] = {}
        self.messages_sent = 0
        self._waiting: deque[Talk] = deque()
        self._sent_at: deque[float] = deque(maxlen=PER_HOUR)
        self._busy = False

    def take(self, lead: Lead, fault: Fault) -> None:
        """Take a new lead and the fault that it came under; message its seller when it is its turn."""
        talk = self._talk(lead, fault.outcome, fault)
        log.info("chatterbot: lead %d taken, %s", lead.order_id, lead.camera_name)
        if fault.callback_before_answer:
            self._message(talk)
        else:
            self._queue(talk)

    def resume(self, lead: Lead, outcome: str, told: str) -> None:
        """Take a lead of an earlier run, its outcome and what was told last, and go on from there."""
        talk = self._talk(lead, outcome, NONE)
        talk.told = told
        if not told:
            self._queue(talk)
        else:
            self._go_on(talk)

    def body(self, order_id: int, act: str) -> dict[str, Any]:
        """Take a lead's number and one of ACTS, return what the orchestrator is told."""
        talk = self.talks[order_id]
        plan, listing_id = talk.plan, talk.lead.listing_id
        by_order = plan.by_order or listing_id is None
        body: dict[str, Any] = {"order_id": order_id} if by_order else {"listing_id": listing_id}
        body |= {
            "occurred_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "conversation_thread_id": plan.thread_id,
            "seller_messenger_id": plan.seller_id,
        }
        if act == NO_DEAL:
            return body | {"reason": plan.reason}
        body["message"] = {SENT: plan.question, REPLIED: plan.reply, DEAL: plan.agreement}[act]
        if act == DEAL:
            body["agreed_price"] = plan.agreed_price
            if plan.shipping_cost is not None:
                body["shipping_cost"] = plan.shipping_cost
        return body

    def send(self, act: str, body: Any, *, attempts: int = 1, twice: bool = False) -> dict[str, Any]:
        """Take one of ACTS and a body, call the orchestrator, return what came of it."""
        headers = {"Authorization": f"Bearer {self.world.keys.chatterbot_webhook_key}"}
        path = f"/webhooks/chatterbot/{act}"
        reply = self.partner.call(path, body, headers, attempts=attempts, twice=twice)
        return {"status": reply.status, "answer": readable(reply.text), "sent": body}

    def forget(self) -> None:
        """Forget every talk; what is scheduled finds its lead gone and stays silent."""
        self.talks.clear()
        self._waiting.clear()
        self._sent_at.clear()
        self.messages_sent = 0
        self._busy = False

    def _talk(self, lead: Lead, outcome: str, fault: Fault) -> Talk:
        plan = foreseen(lead.url, lead.title, lead.camera_name, lead.price, outcome)
        with self.partner.lock:
            talk = self.talks[lead.order_id] = Talk(lead, plan, fault)
        return talk

    def _queue(self, talk: Talk) -> None:
        with self.partner.lock:
            self._waiting.append(talk)
            start, self._busy = not self._busy, True
        if start:
            self.world.later(self._wait(), self._turn)

    def _now(self) -> float:
        """Return the time in minutes of the partners' life."""
        return time.monotonic() * self.world.time_scale / 60

    def _wait(self) -> float:
        """Return the minutes until one more message keeps to the rate."""
        with self.partner.lock:
            if len(self._sent_at) < PER_HOUR:
                return SHORTEST_WAIT
            return max(SHORTEST_WAIT, self._sent_at[0] + 60 - self._now())

    def _turn(self) -> None:
        """Message the seller of the oldest lead that still waits, then wait for the next turn."""
        if self._wait() > SHORTEST_WAIT:
            self.world.later(self._wait(), self._turn)
            return
        with self.partner.lock:
            while self._waiting and not self._wanted(self._waiting[0], "pending"):
                self._waiting.popleft()
            if not self._waiting:
                self._busy = False
                return
            talk = self._waiting.popleft()
        self._message(talk)
        self.world.later(self._wait(), self._turn)

    def _message(self, talk: Talk) -> None:
        with self.partner.lock:
            talk.lead.status, talk.lead.messaged_at = "messaged", datetime.now(UTC)
            self._sent_at.append(self._now())
            self.messages_sent += 1
        self._tell(talk, SENT)
        self._go_on(talk)

    def _go_on(self, talk: Talk) -> None:
        """Schedule what comes next in a talk, if anything does."""
        plan = talk.plan
        if talk.told == SENT and plan.outcome != SILENT:
            self._next(plan.reply_after, talk, REPLIED)
        elif talk.told == REPLIED and plan.outcome in (CONFIRMED, FAILED):
            self._next(plan.decision_after, talk, DEAL if plan.outcome == CONFIRMED else NO_DEAL)

    def _next(self, minutes: float, talk: Talk, act: str) -> None:
        """Tell the act after that time and go on, unless the lead was stopped meanwhile."""

        def tell() -> None:
            with self.partner.lock:
                wanted = self._wanted(talk, "messaged")
            if wanted:
                self._tell(talk, act)
                self._go_on(talk)

        self.world.later(minutes, tell)

    def _wanted(self, talk: Talk, status: str) -> bool:
        return self.talks.get(talk.lead.order_id) is talk and talk.lead.status == status

    def _tell(self, talk: Talk, act: str) -> None:
        with self.partner.lock:
            if self.talks.get(talk.lead.order_id) is not talk:
                return
            talk.told = act
            body = self.body(talk.lead.order_id, act)
        self.send(act, body, attempts=ATTEMPTS, twice=talk.fault.callback_twice)
