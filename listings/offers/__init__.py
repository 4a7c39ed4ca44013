"""A listing's offer on eBay: prepared, made ready, asked of eBayLister, changed and ended there.

Callers use what is named here:
    draft, blockers: what would be shown, and what keeps it from eBay;
    edit: staff's words for it; to_list, to_change, to_end: what staff ask of eBayLister;
    pending, pending_of: what eBayLister was asked and has not answered;
    NotReady, NotNow: what may go wrong.
What eBayLister answers is understood in answers.py, which the relay calls.
"""

from listings.offers.calls import CHANNEL, CREATE, END, UPDATE, pending, pending_of
from listings.offers.draft import MAX_TITLE, Blocker, Condition, Draft, blockers, draft
from listings.offers.requests import NotNow, NotReady, edit, to_change, to_end, to_list

__all__ = [
    "CHANNEL",
    "CREATE",
    "END",
    "MAX_TITLE",
    "UPDATE",
    "Blocker",
    "Condition",
    "Draft",
    "NotNow",
    "NotReady",
    "blockers",
    "draft",
    "edit",
    "pending",
    "pending_of",
    "to_change",
    "to_end",
    "to_list",
]
