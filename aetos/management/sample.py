"""What the demo sets up once, so that its listings go on by themselves: a rule, limits, a search plan."""

from decimal import Decimal

from listings.models import OutreachRule, OutreachSettings
from scraping.models import SearchPlan

# One brand only: the others wait for whoever tries the back office.
RULE = {"brand": "Fujifilm", "min_confidence": 85, "min_net_estimate": Decimal(20), "active": True}
# More than the real five an hour, since the simulated partners are quick; few enough that some finds wait.
LIMITS = {"hourly_rate": 15, "daily_cap": 60}
PLAN = {"brands": ["Sony", "Canon", "Nikon"], "search": "mirrorless camera", "created_by": "demo"}


def ensure_rules_and_plans() -> None:
    """Make them at the first run; what somebody has changed or deleted since stays so."""
    if OutreachRule.objects.exists() or SearchPlan.objects.exists() or OutreachSettings.objects.exists():
        return
    OutreachRule.objects.create(name="Good Fujifilm finds", **RULE)
    OutreachSettings.objects.create(pk=1, **LIMITS)
    SearchPlan.objects.create(name="Three times a day", **PLAN)
