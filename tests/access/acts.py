"""Who may do what: every address that staff and their programs use, with the permissions that it takes, no more."""

from dataclasses import dataclass, field
from typing import Any

from tests.access.world import jpeg

LISTING, MOVE = "listings.view_productlisting", "listings.transition_productlisting"
BOOK, CORRECT, LEDGER = (f"listings.{name}_ledgerline" for name in ("add", "correct", "view"))
RULE, LIMITS, STOP = (
    "listings.{}_outreachrule",
    "listings.change_outreachsettings",
    "listings.throw_killswitch",
)
PLAN, SCRAPE, REPLAY = "scraping.{}_searchplan", "scraping.trigger_scrape", "scraping.replay_invalidmatch"
SETTLE, AGAIN = "integrations.replay_inboxmessage", "integrations.redeliver_outboxmessage"
OFFER = "listings.change_ebayoffer"
TELEGRAM = "integrations.change_telegramsettings"


@dataclass(frozen=True)
class Act:
    """One request; `{names}` in address and data are filled in from the world."""

    method: str
    url: str
    needs: tuple[str, ...]
    data: dict[str, Any] = field(default_factory=dict)
    writes: bool = True

    def __str__(self) -> str:
        told = "-".join(str(self.data[name]) for name in ("do", "action", "kind") if name in self.data)
        return f"{self.method} {self.url} {told}".strip()

    @property
    def is_api(self) -> bool:
        """Whether a program asks it."""
        return self.url.startswith("/admin/")


def _get(url: str, *needs: str) -> Act:
    return Act("get", url, needs, writes=False)


def _post(url: str, *needs: str, writes: bool = True, **data: Any) -> Act:
    return Act("post", url, needs, data, writes)


def _model(name: str, row: str = "") -> list[Act]:
    """Return the pages of a model: its list and the page of a row, each for who may view it."""
    app, model = name.split(".")
    pages = [_get(f"/staff/{app}/{model}/", f"{app}.view_{model}")]
    if row:
        pages.append(_get(f"/staff/{app}/{model}/{row}/change/", f"{app}.view_{model}"))
    return pages


CAMERA = "/staff/listings/productlisting/"
QUEUE = "/staff/listings/approval/"
RULES = "/staff/listings/outreachrule/"
PLANS = "/staff/scraping/searchplan/"
JOBS = "/staff/scraping/scrapejob/"
INBOX, OUTBOX = "/staff/integrations/inboxmessage/", "/staff/integrations/outboxmessage/"
API = "/admin/listings/{found}"


def _bulk(action: str, row: str, **asked: Any) -> Act:
    return _post(CAMERA, MOVE, LISTING, action=action, confirmed="1", _selected_action=row, **asked)


A_RULE: dict[str, Any] = {"name": "x", "min_confidence": "90", "min_net_estimate": "1"}
A_PLAN: dict[str, Any] = {"name": "x", "brands": "Sony", "search": "x", "times": "09:00", "time_zone": "UTC"}

PAGES = [
    *_model("listings.productlisting", "{found}"),
    *_model("listings.ledgerline", "{line}"),
    *_model("listings.transitionlog", "{log}"),
    *_model("listings.approval"),
    *_model("listings.outreachrule", "{rule}"),
    *_model("listings.outreachsettings", "1"),
    *_model("scraping.scrapejob", "{job}"),
    *_model("scraping.searchplan", "{plan}"),
    *_model("scraping.searchrun", "{run}"),
    *_model("integrations.inboxmessage", "{conflict}"),
    *_model("integrations.outboxmessage", "{lost}"),
    *_model("integrations.channel", "chatterbot"),
    *_model("integrations.auditrun", "{audit}"),
    *_model("integrations.telegramsettings", "1"),
    *_model("auth.user", "{person}"),
    *_model("auth.group", "{group}"),
    *_model("authtoken.tokenproxy", "{person}"),
    *_model("axes.accessattempt", "{attempt}"),
    _get(f"{CAMERA}export/?format=csv", LISTING),
    _get("/staff/listings/ledgerline/export/?format=csv", LEDGER),
    _get(f"{RULES}{{rule}}/try/", RULE.format("view")),
    _get("/staff/board/", LISTING),
    _get("/staff/board/column/FOUND/?after=1-0-00000000000000000000000000000000", LISTING),
    _get("/staff/board/{found}/", MOVE),
    _get("/staff/board/{found}/CANCELLED/", MOVE),
    _get("/staff/figures/", LISTING),
    _get("/staff/figures/profit-brand.csv", LISTING),
    _get("/staff/figures/put-right/?kind=fee&to=10", LISTING),
    _get(f"{JOBS}run/", SCRAPE),
    _get(f"{JOBS}match/{{match}}/", REPLAY),
]
BUTTONS = [
    _post(f"{CAMERA}{{found}}/step/CANCELLED/", MOVE, reason="x"),
    _post("/staff/board/{found}/CANCELLED/", MOVE, reason="x"),
    _post(f"{CAMERA}{{failed}}/retry/", MOVE),
    _post(f"{CAMERA}{{failed}}/snooze/", MOVE, days="2", reason="x"),
    _bulk("approve_listings", "{found}"),
    _bulk("message_sellers", "{found}"),
    _bulk("receive_listings", "{bought}"),
    _bulk("cancel_listings", "{found}", reason="x"),
    _post(f"{CAMERA}{{cancelled}}/callback/{{conflict}}/", SETTLE, do="dismiss", reason="x"),
    _post(f"{CAMERA}{{cancelled}}/callback/{{conflict}}/", SETTLE, MOVE, do="apply"),
    _post(f"{INBOX}{{conflict}}/settle/", SETTLE, do="dismiss", reason="x"),
    _post(f"{INBOX}{{conflict}}/settle/", SETTLE, MOVE, do="apply"),
    _post(f"{INBOX}{{conflict}}/again/", SETTLE),
    _post(f"{OUTBOX}{{lost}}/again/", AGAIN),
    _post(
        OUTBOX, AGAIN, "integrations.view_outboxmessage", action="deliver_again", _selected_action="{lost}"
    ),
    _post(f"{CAMERA}{{received}}/photos/", "listings.add_photo", do="add", photos=jpeg),
    _post(f"{CAMERA}{{received}}/photos/", "listings.arrange_photo", do="arrange", photos="{photo2}"),
    _post(f"{CAMERA}{{received}}/photos/", "listings.delete_photo", do="remove", photo="{photo}"),
    _post(f"{CAMERA}{{bought}}/money/book/0/", BOOK, kind="repairs", amount="5"),
    _post(f"{CAMERA}{{unpaid}}/money/complete/0/", BOOK, ebay_fees="1"),
    _post(f"{CAMERA}{{sold}}/money/correct/{{line}}/", CORRECT, amount="5", note="x"),
    _post(f"{CAMERA}{{sold}}/money/refund/0/", CORRECT, amount="5", note="x"),
    _post(f"{CAMERA}{{received}}/ebay/", OFFER, do="save", title="A camera"),
    _post(f"{CAMERA}{{received}}/ebay/", MOVE, do="list"),
    _post(f"{CAMERA}{{listed}}/ebay/", OFFER, do="price", price="420"),
    _post(f"{CAMERA}{{listed}}/ebay/", OFFER, do="end", reason="x"),
    _post(f"{QUEUE}stop/", STOP, reason="x"),
    _post(f"{QUEUE}resume/", STOP, writes=False),  # it was not stopped
    _post(f"{QUEUE}{{found}}/approve/", MOVE),
    _post(f"{QUEUE}{{waiting}}/withdraw/", MOVE),
]
SET_UP = [
    _post(f"{RULES}add/", RULE.format("add"), **A_RULE),
    _post(f"{RULES}{{rule}}/change/", RULE.format("change"), **A_RULE),
    _post(f"{RULES}{{rule}}/delete/", RULE.format("delete"), post="yes"),
    _post(f"{RULES}{{rule}}/switch/?to=on", RULE.format("change")),
    _post(
        "/staff/listings/outreachsettings/1/change/",
        LIMITS,
        hourly_rate="1",
        daily_cap="1",
        budget="1",
        ebay_fee_percent="1",
        postage="1",
    ),
    _post("/staff/figures/put-right/", LISTING, LIMITS, kind="fee", to="10", seen="12.80"),
    _post("/staff/figures/put-right/", LISTING, LIMITS, kind="model", product="230", to="-5", seen="0"),
    _post(f"{JOBS}run/", SCRAPE, brands="Sony", search="x"),
    _post(f"{JOBS}{{job}}/again/", SCRAPE),
    _post(f"{JOBS}{{job}}/replay/", REPLAY, writes=False),  # it is still of no use
    _post(f"{JOBS}match/{{match}}/", REPLAY, raw="{mended}"),
    _post(f"{PLANS}add/", PLAN.format("add"), **A_PLAN),
    _post(f"{PLANS}{{plan}}/change/", PLAN.format("change"), **A_PLAN),
    _post(f"{PLANS}{{plan}}/delete/", PLAN.format("delete"), post="yes"),
    _post(f"{PLANS}{{plan}}/run/", SCRAPE),
    _post("/staff/integrations/telegramsettings/1/change/", TELEGRAM, time_zone="Europe/Paris"),
    _post("/staff/integrations/telegramsettings/test/", TELEGRAM, writes=False),  # it is off
    _post("/staff/auth/group/add/", "auth.add_group", name="x"),
    _post("/staff/auth/group/{group}/change/", "auth.change_group", name="x"),
    _post("/staff/auth/group/{group}/delete/", "auth.delete_group", post="yes"),
    _post("/staff/axes/accessattempt/{attempt}/delete/", "axes.delete_accessattempt", post="yes"),
    _post("/staff/authtoken/tokenproxy/{person}/delete/", "authtoken.delete_tokenproxy", post="yes"),
]
PROGRAMS = [
    _get("/admin/listings", LISTING),
    _get(API, LISTING),
    _get(f"{API}/history", LISTING),
    _get(f"{API}/ledger", LEDGER),
    _get(f"{API}/photos", LISTING),
    _get("/admin/scrape/jobs", "scraping.view_scrapejob"),
    _get("/admin/scrape/jobs/{job_uuid}", "scraping.view_scrapejob"),
    _post(f"{API}/transition", MOVE, to_state="CANCELLED", reason="x"),
    _post("/admin/listings/{failed}/retry", MOVE),
    _post("/admin/listings/{bought}/ledger", BOOK, kind="repairs", amount="5"),
    _post("/admin/listings/{sold}/ledger/{line}/correct", CORRECT, amount="5", note="x"),
    _post("/admin/listings/{sold}/refund", CORRECT, amount="5", note="x", returned=False),
    _post("/admin/listings/{received}/photos", "listings.add_photo", photos=jpeg),
    Act(
        "put",
        "/admin/listings/{received}/photos/order",
        ("listings.arrange_photo",),
        {"photos": ["{photo2}"]},
    ),
    Act("delete", "/admin/listings/{received}/photos/{photo}", ("listings.delete_photo",)),
    _get(f"{API}/ebay", "listings.view_ebayoffer"),
    Act("patch", "/admin/listings/{received}/ebay", (OFFER,), {"description": "Like new."}),
    Act("delete", "/admin/listings/{listed}/ebay?reason=x", (OFFER,)),
    _post("/admin/scrape/trigger", SCRAPE, brand="Sony", search="x"),
]
TABLE = {"pages": PAGES, "buttons": BUTTONS, "set-up": SET_UP, "programs": PROGRAMS}
ACTS = [act for acts in TABLE.values() for act in acts]
