"""What Telegram is told about listings, in plain text; what is answered there is in telegram_taps.py.

Each function builds outbox rows and writes nothing: the caller puts them with
its own rows, in its own transaction. While Telegram is off there are none.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from django.conf import settings
from django.db.models import F

from integrations.models import OutboxMessage
from integrations.show import SIGNS
from integrations.telegram_chat import Button, is_on, say
from integrations.telegram_text import one_line
from listings.models import OutreachSettings, ProductListing
from listings.profit import to_pennies
from listings.states import State

LONGEST_TITLE, LONGEST_REASON = 80, 500
SHOWN = 10
ON_LISTINGS = "/staff/listings/productlisting/"


class Stored(Protocol):
    """What is in the database under this key."""

    @property
    def pk(self) -> Any:
        """Return the key."""


# ---- the words ----------------------------------------------------------------------------------


def money(value: Decimal | None) -> str:
    """Write an amount for people: `£390`, `£12.50` behind a minus sign; "no price" for null."""
    if value is None:
        return "no price"
    sign = SIGNS.get(settings.CURRENCY, f"{settings.CURRENCY} ")
    text = f"{abs(value):,.2f}".removesuffix(".00")
    return f"{'−' if value < 0 else ''}{sign}{text}"


def name(listing: ProductListing) -> str:
    """Name a listing by its title, cut, and the code that a person can type."""
    return f"{one_line(listing.title, LONGEST_TITLE)} [{listing.short_code}]"


def link(listing: ProductListing) -> str:
    """Return the address of a listing in the back office."""
    return f"{settings.PUBLIC_URL}{ON_LISTINGS}{listing.pk}/change/"


def _about(
    listing: ProductListing, *lines: str, buttons: Iterable[tuple[str, str]] = ()
) -> list[OutboxMessage]:
    """Say something about one listing, with a row of buttons (text, action)."""
    row = [Button(text, action, listing.pk) for text, action in buttons]
    text = "\n".join([*lines, link(listing)])
    return say(text, buttons=[row] if row else [], subject=listing.pk)


# ---- what is said -------------------------------------------------------------------------------


def digest_rows(
    created: Sequence[Stored], cheaper: Sequence[tuple[Stored, Decimal]], *, job_number: int
) -> list[OutboxMessage]:
    """Tell what a job found that is new or cheaper, the best net estimate first; nothing where nothing is.

    Args:
        created: the new listings, written already.
        cheaper: re-sighted ones whose price fell, each with the price before.
        job_number: our serial number of the job.
    """
    before = {listing.pk: old for listing, old in cheaper}
    new = {listing.pk for listing in created}
    wanted = new | set(before)
    if not is_on() or not wanted:
        return []
    from listings import outreach  # which knows the lifecycle, which speaks through this module

    found = ProductListing.objects.filter(pk__in=wanted, state=State.FOUND)
    ranked = outreach.with_net_estimate(found, OutreachSettings.load())
    best = list(ranked.order_by(F("net_estimate").desc(nulls_last=True), "id")[:SHOWN])
    counts = [f"{len(new)} new"] if new else []
    counts += [f"{len(wanted - new)} cheaper"] if wanted - new else []
    lines = [f"Job {job_number}: {', '.join(counts)}"]
    lines += [_found(listing, before.get(listing.pk), new=listing.pk in new) for listing in best]
    if more := len(wanted) - len(best):
        lines.append(f"and {more} more: {settings.PUBLIC_URL}{ON_LISTINGS}")
    buttons = [
        [
            Button(f"Message {listing.short_code}", "message", listing.pk),
            Button(f"Cancel {listing.short_code}", "cancel", listing.pk),
        ]
        for listing in best
    ]
    return say("\n\n".join(lines), buttons=buttons, subject=best[0].pk if len(wanted) == 1 and best else None)


def _found(listing: ProductListing, old: Decimal | None, *, new: bool) -> str:
    price = money(listing.asking_price)
    facts = [price if new or old is None else f"{price}, was {money(old)}"]
    net = getattr(listing, "net_estimate", None)
    facts += [] if net is None else [f"net est. {money(to_pennies(net))}"]
    facts.append(f"{listing.confidence_score:.0f} %")
    return f"{name(listing)}\n{' · '.join(facts)}\n{link(listing)}"


def error_rows(listing: ProductListing, text: str) -> list[OutboxMessage]:
    """Tell that a partner call was given up."""
    return _about(
        listing, f"Error: {name(listing)}", one_line(text, LONGEST_REASON), buttons=[("Retry", "retry")]
    )


def warning_rows(listing: ProductListing) -> list[OutboxMessage]:
    """Tell that a listing runs out within a day."""
    at = f"{listing.deadline_at:%d %b %H:%M} UTC" if listing.deadline_at else "soon"
    return _about(
        listing,
        f"Runs out: {name(listing)}",
        f"Still {State(listing.state).label}: cancelled {at} unless something happens.",
        buttons=[("Snooze 2 days", "snooze"), ("Cancel", "cancel")],
    )


def conflict_rows(listing: ProductListing | None, text: str) -> list[OutboxMessage]:
    """Tell that a partner said what cannot be: money may be involved."""
    reason = one_line(text, LONGEST_REASON)
    if listing is None:
        return say(f"Conflict, please look\n{reason}\n{settings.PUBLIC_URL}/staff/integrations/inboxmessage/")
    return _about(listing, f"Conflict, please look: {name(listing)}", reason)


def deal_rows(listing: ProductListing) -> list[OutboxMessage]:
    """Tell that a deal is confirmed."""
    paid = listing.purchase_price if listing.purchase_price is not None else listing.negotiated_price
    return _about(
        listing,
        f"Deal: {name(listing)}",
        f"Bought for {money(paid)}, asked {money(listing.asking_price)}",
    )


def sale_rows(listing: ProductListing) -> list[OutboxMessage]:
    """Tell that a camera is sold, and what it earned."""
    profit = "not known" if listing.final_profit is None else money(listing.final_profit)
    provisional = ", provisional: a cost is still to come" if listing.profit_is_provisional else ""
    return _about(
        listing,
        f"Sold: {name(listing)}",
        f"For {money(listing.ebay_sold_price)}, profit {profit}{provisional}",
    )


def profit_rows(listing: ProductListing) -> list[OutboxMessage]:
    """Tell that nothing is still to come of a sale: its profit is final."""
    return _about(
        listing,
        f"Profit final: {name(listing)}",
        f"Sold for {money(listing.ebay_sold_price)}, profit {money(listing.final_profit)}",
    )


def look_rows(listing: ProductListing, text: str) -> list[OutboxMessage]:
    """Tell that eBay says something of a listing that only a person can act upon."""
    return _about(listing, f"Look on eBay: {name(listing)}", one_line(text, LONGEST_REASON))


def job_rows(text: str) -> list[OutboxMessage]:
    """Tell that a job failed or was lost, or that nothing comes in any more."""
    return say(f"{one_line(text, LONGEST_REASON)}\n{settings.PUBLIC_URL}/staff/scraping/scrapejob/")


# ---- pictures that people send ------------------------------------------------------------------


def _photos(count: int) -> str:
    return f"{count} photo{'' if count == 1 else 's'}"


def photo_rows(
    listing: ProductListing | None, *, kept: int, known: int, refused: Mapping[str, int]
) -> list[OutboxMessage]:
    """Tell what became of pictures that were sent together.

    Args:
        listing: whose they are, with what it has now; None where nobody said it.
        kept: how many are new photos of it.
        known: how many it had before.
        refused: how many were not kept, by the reason.
    """
    lines = [f"{_photos(kept)} of {listing.short_code} kept"] if listing and kept else []
    lines += [f"{_photos(known)} of {listing.short_code} kept before"] if listing and known else []
    if listing and lines:
        in_all = f"{listing.photos.count()} in all. Now {State(listing.state).label}."
        lines = [f"{', '.join(lines)}, {in_all}"]
    of = f" of {listing.short_code}" if listing else ""
    lines += [f"{_photos(count)}{of} not kept. {reason}" for reason, count in refused.items()]
    return _about(listing, *lines) if listing else say("\n".join(lines))


def question_rows(count: int, *, unknown: str) -> list[OutboxMessage]:
    """Ask which listing pictures are of, that nobody named; `unknown` is what looked like a code."""
    pictures = "this picture" if count == 1 else f"these {count} pictures"
    why = f"No camera has the code {unknown}. " if unknown else ""
    return say(
        f"{why}Which camera is on {pictures}? Write its code into the caption (edit it), "
        "or send the picture again as a reply to a message about that camera."
    )


def several_rows(codes: str) -> list[OutboxMessage]:
    """Ask for one listing where a picture names several."""
    return say(f"The picture names {codes}: it can be of one camera only. Edit its caption.")


def stays_rows(listing: ProductListing, other: ProductListing) -> list[OutboxMessage]:
    """Tell that a photo was kept before its caption came to name another listing."""
    return _about(
        listing,
        f"The photo stays with {listing.short_code}. If it is of {other.short_code}, "
        "remove it there and send it again.",
    )
