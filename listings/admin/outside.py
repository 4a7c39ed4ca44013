"""What the outside has been told of a listing already: no step takes that back."""

from django.db.models import Count, Q

from integrations.channels import EVENTS
from integrations.models import OutboxMessage
from integrations.show import amount
from listings.models import Lead, ProductListing
from listings.states import State

WAY_BACK = {
    State.SOLD: "There is no way back from Sold: a mistake is mended by a correction or a refund in the ledger.",
    State.CANCELLED: "There is no way back from Cancelled. Money that was lost all the same goes into the ledger.",
    State.FOUND: "Nothing has been sent to the seller.",
}
FURTHER = "A step taken by mistake is mended by a further step, or by a correction in the ledger."


def told(listing: ProductListing) -> list[str]:
    """Say in sentences who knows what, and how a mistake can be mended."""
    lines = []
    lead = Lead.objects.filter(listing=listing).first()
    if lead is not None and lead.accepted_at is not None:
        order = f" as order {lead.order_id}" if lead.order_id else ""
        lines.append(f"Chatterbot has it{order}{', and was stopped' if lead.stopped_at else ''}.")
    if listing.ebay_listing_id and listing.state == State.LISTED:
        lines.append(f"eBay shows it at {amount(listing.ebay_asking_price)} as {listing.ebay_listing_id}.")
    events = OutboxMessage.objects.filter(key=str(listing.pk), channel=EVENTS)
    out = events.aggregate(out=Count("pk", filter=Q(delivered_at__isnull=False)), all=Count("pk"))
    lines.append(f"{out['out']} of {out['all']} events are out.")
    return [*lines, WAY_BACK.get(State(listing.state), FURTHER)]
