"""Chatterbot, which writes to sellers. Contract: `POST /leads`, `GET /leads`, `PUT /leads/{id}/status`, Bearer key.

It answers 500 to a null price, to a confidence over 1 and to a session that is
no 32-bit integer, and 200 "duplicate" to a null in a required field, of which
it then keeps nothing: so a lead is checked here before it is sent.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings

from integrations import http

NAME = "Chatterbot"
MAX_INT4 = 2**31 - 1
LOOK_UP_LIMIT = 10_000


@dataclass(frozen=True)
class Lead:
    """One lead, in our terms: `confidence` 0 to 100, `price` and `savings` null where unknown."""

    session_id: int
    camera_id: int
    camera_name: str
    url: str
    title: str
    price: Decimal | None
    confidence: Decimal
    savings: Decimal | None
    listing_id: str

    def payload(self) -> dict[str, Any]:
        """Return the body, in Chatterbot's terms.

        Raises:
            PermanentError: a value that Chatterbot would answer with 500, or swallow.
        """
        for name in ("session_id", "camera_id"):
            if not 0 <= getattr(self, name) <= MAX_INT4:
                raise http.PermanentError(
                    f"Not sent: {name} {getattr(self, name)} does not fit into 32 bits."
                )
        for name in ("camera_name", "url", "title"):
            if not getattr(self, name):
                raise http.PermanentError(f"Not sent: {name} is empty.")
        if not 0 <= self.confidence <= 100:
            raise http.PermanentError(f"Not sent: confidence {self.confidence} is not between 0 and 100.")
        body: dict[str, Any] = {
            "session_id": self.session_id,
            "camera_id": self.camera_id,
            "camera_name": self.camera_name,
            "url": self.url,
            "title": self.title,
            "confidence": float(round(self.confidence / 100, 4)),
            "savings": float(self.savings or 0),
            "listing_id": self.listing_id,
        }
        return body if self.price is None else {**body, "price": float(self.price)}


def send_lead(lead: Lead) -> int | None:
    """Hand a lead over.

    Returns:
        Chatterbot's order id; None where it says "duplicate", which names none.

    Raises:
        integrations.http.TransientError, PermanentError.
    """
    answer = _call("POST", "/leads", payload=lead.payload())
    status = answer.get("status") if isinstance(answer, dict) else None
    if status == "created" and (order_id := _order_id(answer.get("order_id"))):
        return order_id
    if status == "duplicate":
        return None
    raise http.TransientError(
        f"{NAME} answered something that is neither created nor duplicate.", lost_answer=True
    )


def find_order(url: str) -> int | None:
    """Look for the order id of a lead by its URL; None where it is no longer (or not) pending.

    Raises:
        integrations.http.TransientError, PermanentError.
    """
    answer = _call("GET", "/leads", params={"limit": LOOK_UP_LIMIT})
    leads = answer.get("leads") if isinstance(answer, dict) else None
    for lead in leads if isinstance(leads, list) else []:
        if isinstance(lead, dict) and lead.get("url") == url:
            return _order_id(lead.get("order_id", lead.get("id")))
    return None


def _order_id(value: Any) -> int | None:
    fits = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_INT4
    return value if fits else None


def stop_lead(order_id: int) -> bool:
    """Tell Chatterbot to write no more; False where it does not know the order.

    Raises:
        integrations.http.TransientError, PermanentError.
    """
    answer = _call("PUT", f"/leads/{order_id}/status", payload={"status": "cancelled"})
    if not isinstance(answer, dict) or not isinstance(answer.get("updated"), bool):
        raise http.TransientError(f"{NAME} did not say whether the lead was stopped.", lost_answer=True)
    return bool(answer["updated"])


def _call(method: str, path: str, **options: Any) -> Any:
    headers = {"Authorization": f"Bearer {settings.CHATTERBOT_API_KEY}"}
    return http.call(NAME, method, settings.CHATTERBOT_API_URL, path, headers=headers, **options)
