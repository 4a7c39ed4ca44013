"""A world in which every text that a partner, staff or Telegram may fill is an attack."""

from decimal import Decimal
from typing import Any

from django.apps import apps
from django.db import DatabaseError, models, transaction
from django.db.models.functions import Now

from listings import bookkeeping, lifecycle
from listings.models import ProductListing
from tests.access.world import world
from tests.factories import make_listing

# It would leave an element that is found, set a global by the theme's scripting, and open a dialog.
SHORT = "<b data-canary x-data x-init=heard=1>"
LONG = (
    f"{SHORT}\"'><img data-canary src=x onerror=alert(1)><script data-canary>window.heard=1</script>"
    "<svg data-canary onload=alert(1)><a data-canary href=javascript:alert(1)>x</a>"
    "<div data-canary hx-get=/staff/ hx-trigger=load x-data @click.window=heard=1></div>"
    "</textarea></title></script><b data-canary>{{ 7|add:7 }}{% debug %}\u202e"
)
# Texts of our own making: what a row is about, and who its handler is.
OURS = {
    "topic", "channel", "key", "partner", "kind", "state", "from_state", "to_state", "status", "name", "codename",
    "username", "password", "app_label", "model", "identity", "short_code", "time_zone", "event_id", "condition",
    "holder", "days", "currency", "chat_id", "quiet_from", "quiet_until", "image", "thumbnail", "file_id",
}  # fmt: skip
# Names that staff give: to a rule, a plan, a group.
GIVEN = {"OutreachRule.name", "SearchPlan.name", "Group.name", "ProductListing.model", "Correction.name"}
# Of what is kept as JSON, what strangers fill: as a list, by field, or as they like.
LISTS = {"ScrapeJob.brands", "SearchPlan.brands"}
MAPS = {"EbayOffer.problems", "ProductListing.raw_match"}
APPS = ("listings", "scraping", "integrations", "auth", "axes")
# Nobody changes these; their texts come through the doors.
APPEND_ONLY = {"TransitionLog", "LedgerLine"}


def poisoned_world() -> dict[str, Any]:
    """Make a row of everything, and put the attack wherever it fits.

    Returns:
        What addresses are filled in with, as tests.access.world does; `poisoned` names the fields.
    """
    rows = world()
    lifecycle.cancel(make_listing("MESSAGING").pk, by=f"telegram:{SHORT}", reason=LONG)
    bookkeeping.book(rows["sold"], "repairs", Decimal(5), on=None, note=LONG[:500], by=f"user:{SHORT}")
    ProductListing.objects.update(error_message="x", error_occurred_at=Now())  # the two come together
    return rows | {"poisoned": poison(LONG, SHORT)}


def poison(long: str, short: str) -> set[str]:
    """Put a text into every field that strangers fill; return the fields that took it."""
    done = set()
    for label in APPS:
        for model in apps.get_app_config(label).get_models():
            if model.__name__ in APPEND_ONLY:
                continue
            for field in model._meta.concrete_fields:
                if (value := _value(model, field, long, short)) is not None and _put(model, field, value):
                    done.add(f"{model.__name__}.{field.name}")
    return done


def _value(model: Any, field: Any, long: str, short: str) -> Any:
    if field.name in OURS and f"{model.__name__}.{field.name}" not in GIVEN:
        return None
    if field.primary_key or field.is_relation or field.choices or (not field.editable and field.unique):
        return None
    if isinstance(field, models.JSONField):
        named = f"{model.__name__}.{field.name}"
        return [long] if named in LISTS else {long: [long]} if named in MAPS else None
    if not isinstance(field, models.CharField | models.TextField):
        return None
    most = field.max_length or len(long)
    return long if most >= len(long) else short if most >= len(short) else None


def _put(model: Any, field: Any, value: Any) -> bool:
    rows = model._base_manager.all()
    if field.unique or any(
        field.name in each.fields for each in model._meta.constraints if hasattr(each, "fields")
    ):
        rows = rows.filter(pk__in=[rows.latest("pk").pk]) if rows.exists() else rows
    try:
        with transaction.atomic():
            return bool(rows.update(**{field.name: value}))
    except DatabaseError:
        return False  # a constraint keeps it out, and so would it anybody's


def titles() -> list[str]:
    """Return the titles, to see that the attack is in place."""
    return list(ProductListing.objects.values_list("title", flat=True))
