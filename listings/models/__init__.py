"""The models of listings, in one place to import from."""

from listings.models.buying import (
    Approval,
    EstimateCorrection,
    KillSwitch,
    Lead,
    OutreachRule,
    OutreachSettings,
)
from listings.models.history import Note, Sighting, TransitionLog
from listings.models.listing import (
    CODE_ALPHABET,
    CODE_LENGTH,
    ListingQuerySet,
    ProductListing,
    money,
    new_short_code,
)
from listings.models.selling import EbayOffer, LedgerLine, Photo
from listings.models.tally import ListingDay, ListingTally

__all__ = [
    "CODE_ALPHABET",
    "CODE_LENGTH",
    "Approval",
    "EbayOffer",
    "EstimateCorrection",
    "KillSwitch",
    "Lead",
    "LedgerLine",
    "ListingDay",
    "ListingQuerySet",
    "ListingTally",
    "Note",
    "OutreachRule",
    "OutreachSettings",
    "Photo",
    "ProductListing",
    "Sighting",
    "TransitionLog",
    "money",
    "new_short_code",
]
