"""Finding listings by words, which no index helps with: so the table is searched once, and no index is walked for it.

An index of trigrams would find a word at once, and was tried: to write a listing
took two and a half times as long with it, and many more are written than searched for.
"""

from typing import Any

from django.db.models import QuerySet

from listings.identity import BadUrl, identify
from listings.models import CODE_LENGTH

FEW = 1000


def exactly(rows: QuerySet[Any], term: str) -> QuerySet[Any] | None:
    """Return what has this short code or this link, each by its index; null where nothing has."""
    if len(term) == CODE_LENGTH and (found := rows.filter(short_code=term.upper())).exists():
        return found
    try:
        found = rows.filter(identity=identify(term).identity)
    except BadUrl:
        return None
    return found if found.exists() else None


def asked_once(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Search now and narrow the rows down to what was found, where that is little.

    Else each page would be searched for in the order of an index, to its end where
    nothing is found, and once more for the number. Where much is found, a page is soon full.
    """
    ids = list(rows.order_by().values_list("pk", flat=True)[: FEW + 1])
    return rows.filter(pk__in=ids) if len(ids) <= FEW else rows
