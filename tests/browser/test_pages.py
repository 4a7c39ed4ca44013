"""Every page of the back office as it looks: no complaint, nothing wider than the screen, nothing axe finds serious."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from aetos import audit
from integrations.models import OutboxMessage
from listings.models import ListingTally, ProductListing
from tests.browser.conftest import Desk
from tests.factories import make_listing

PAGES = {
    "now": "/staff/",
    "board": "/staff/board/",
    "figures": "/staff/figures/?period=all",
    "listings": "/staff/listings/productlisting/",
    "listing-found": "{FOUND}",
    "listing-received": "{RECEIVED}",
    "listing-listed": "{LISTED}",
    "listing-sold": "{SOLD}",
    "outreach": "/staff/listings/approval/",
    "ledger": "/staff/listings/ledgerline/",
    "rules": "/staff/listings/outreachrule/",
    "jobs": "/staff/scraping/scrapejob/",
    "plans": "/staff/scraping/searchplan/",
    "inbox": "/staff/integrations/inboxmessage/",
    "deliveries": "/staff/integrations/outboxmessage/",
    "channels": "/staff/integrations/channel/",
    "audits": "/staff/integrations/auditrun/",
    "audit": "{AUDIT}",
    "log": "/staff/listings/transitionlog/",
}
SERIOUS = {"serious", "critical"}


@pytest.mark.parametrize(("width", "scheme"), [("wide", "light"), ("wide", "dark"), ("phone", "light")])
def test_every_page(desk: Callable[..., Desk], width: str, scheme: Any) -> None:
    for state in ("FOUND", "MESSAGING", "RECEIVED", "LISTED", "SOLD", "CANCELLED"):
        make_listing(state)
    # A fault, so that the audit and the home page have something to show.
    OutboxMessage.objects.filter(channel="events").earliest("id").delete()
    ListingTally.objects.create(state="LISTED", brand="LEICA", listings=1, pennies=0)
    of_state = {
        row.state: f"/staff/listings/productlisting/{row.pk}/change/" for row in ProductListing.objects.all()
    } | {"AUDIT": f"/staff/integrations/auditrun/{audit.run().pk}/change/"}
    ann, axe, found = desk(scheme=scheme), Axe(), []
    for name, path in PAGES.items():
        ann.go(path.format(**of_state))
        ann.picture(f"{name}-{scheme}")
        if over := ann.overflow():
            found.append(f"{name} is {over} pixels too wide")
        found += [
            f"{name}: {each['id']}: {[node['html'][:120] for node in each['nodes'][:3]]}"
            for each in axe.run(ann.page).response["violations"]
            if each["impact"] in SERIOUS
        ]
    assert found == []
