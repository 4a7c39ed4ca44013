"""A match that could not be used, taken in after all; and how long its text is kept."""

import json
from datetime import datetime

from django.db import transaction
from django.db.models import F, QuerySet

from integrations import clock
from listings.ingest import ingest
from listings.models import ProductListing
from scraping import jobs
from scraping.matches import Invalid, to_offer
from scraping.models import InvalidMatch, ScrapeJob

EMPTIED_AT_ONCE = 500


class AlreadyReplayed(Exception):
    """The match has become a listing before."""


def replay(invalid_match_id: int, *, by: str, raw: str | None = None) -> jobs.Outcome:
    """Take in one kept match again, as it is or as staff mended it.

    Args:
        invalid_match_id: which.
        by: who asked for it.
        raw: the match as JSON text, where it was mended; the first text stays in the inbox.

    Returns:
        What it did: one listing created, or one re-sighted.

    Raises:
        Invalid: it still cannot be used; nothing was written.
        AlreadyReplayed: it has become a listing before.
    """
    with transaction.atomic():
        kept = InvalidMatch.objects.select_for_update().select_related("job").get(pk=invalid_match_id)
        if kept.listing_id or kept.job.scraper_job_id is None:
            raise AlreadyReplayed("This match was taken in before.")
        try:
            offer = to_offer(json.loads(raw or kept.raw))
        except Invalid:
            raise
        except RecursionError:
            raise Invalid("match: is nested too deep") from None
        except ValueError:  # not JSON, or a number of thousands of digits
            raise Invalid("match: is not JSON") from None
        result = ingest(
            [offer], scraper_job_id=kept.job.scraper_job_id, session_id=kept.job_id, at=clock.now()
        )
        kept.listing = ProductListing.objects.get(identity=offer.item.identity)
        kept.replayed_at, kept.replayed_by = clock.now(), by
        kept.save()
        ScrapeJob.objects.filter(pk=kept.job_id).update(
            invalid=F("invalid") - 1,
            created_listings=F("created_listings") + result.created,
            resighted=F("resighted") + result.resighted,
        )
    return jobs.Outcome(result.created, result.resighted)


def replayed(before: datetime) -> QuerySet[InvalidMatch]:
    """Return the matches that have become listings before then, and are still kept as they came."""
    return InvalidMatch.objects.filter(listing__isnull=False, replayed_at__lt=before).exclude(raw="")


def empty_replayed(before: datetime) -> int:
    """Empty a batch of them, and return how many; one that waits to be mended stays."""
    ids = list(replayed(before).order_by("id").values_list("pk", flat=True)[:EMPTIED_AT_ONCE])
    return InvalidMatch.objects.filter(pk__in=ids).update(raw="")
