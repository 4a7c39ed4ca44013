"""What each search plan earned: a listing belongs to the plan whose run started the job that found it."""

from collections.abc import Iterable
from typing import Any

from django.db.models import IntegerField, OuterRef, Subquery
from django.db.models.functions import Coalesce

from listings.figures.earned import SUMS, Line, earned, ranked, sold
from listings.figures.periods import Period
from scraping.models import SearchPlan, SearchRun

NO_PLAN = "Without a plan"


def jobs_of(plan: int) -> Any:
    """Return the serial numbers of a plan's jobs, as a subquery; of all plans' for plan 0."""
    runs = SearchRun.objects.filter(job__isnull=False)
    return (runs.filter(plan_id=plan) if plan else runs).order_by().values("job_id")


def by_plan(period: Period) -> list[Line]:
    """Return each plan's line, the most profit first; what was scraped by hand or unasked is in one line of its own."""
    run = SearchRun.objects.filter(job_id=OuterRef("session_id")).order_by().values("plan_id")[:1]
    plan = Coalesce(Subquery(run), 0, output_field=IntegerField())
    rows: Iterable[dict[str, Any]] = sold(period).annotate(_plan=plan).values("_plan").annotate(**SUMS)
    names = dict(SearchPlan.objects.values_list("pk", "name"))
    return ranked(Line(row["_plan"], names.get(row["_plan"], NO_PLAN), earned(row)) for row in rows)
