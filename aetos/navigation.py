"""The sidebar of the back office: where a member of staff may go, and what waits for a person there."""

from functools import cache, lru_cache
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import get_script_prefix, reverse

from integrations.models import InboxMessage, OutboxMessage

LISTINGS = "admin:listings_productlisting_changelist"
QUEUE = "admin:listings_approval_changelist"
JOBS = "admin:scraping_scrapejob_changelist"
OUTBOX = "admin:integrations_outboxmessage_changelist"
INBOX = "admin:integrations_inboxmessage_changelist"
CHANNEL_LIST = "admin:integrations_channel_changelist"
AUDITS = "admin:integrations_auditrun_changelist"
RULES, LIMITS = "admin:listings_outreachrule", "admin:listings_outreachsettings"
TELEGRAM = "admin:integrations_telegramsettings"

INBOX_OPEN = (InboxMessage.Status.CONFLICT, InboxMessage.Status.PARKED)
# A badge need not know whether it is 1,000 or 3,000.
ENOUGH = 1000

# What a badge counts, and who may see it.
COUNTED = (("integrations.view_inboxmessage", INBOX), ("integrations.view_outboxmessage", OUTBOX))
_WAITS: dict[str, QuerySet[Any]] = {
    INBOX: InboxMessage.objects.filter(status__in=INBOX_OPEN),
    OUTBOX: OutboxMessage.objects.filter(given_up_at__isnull=False),
}

# Each entry: the permission that shows it, its words, its list, its icon.
GROUPS = (
    (
        "",
        (
            ("listings.view_productlisting", "Board", "board-slash", "view_kanban"),
            ("listings.view_productlisting", "Listings", LISTINGS, "photo_camera"),
            ("listings.view_approval", "Outreach", QUEUE, "send"),
            ("listings.view_ledgerline", "Ledger", "admin:listings_ledgerline_changelist", "menu_book"),
            ("listings.view_productlisting", "Figures", "figures-slash", "bar_chart"),
            ("scraping.view_scrapejob", "Scrape jobs", JOBS, "search"),
            ("scraping.view_searchplan", "Search plans", "admin:scraping_searchplan_changelist", "event"),
        ),
    ),
    (
        "Machinery",
        (
            ("integrations.view_inboxmessage", "Inbox", INBOX, "inbox"),
            ("integrations.view_outboxmessage", "Deliveries", OUTBOX, "outbox"),
            ("integrations.view_channel", "Channels", CHANNEL_LIST, "cable"),
            ("integrations.view_auditrun", "Audits", AUDITS, "fact_check"),
            ("scraping.view_searchrun", "Search runs", "admin:scraping_searchrun_changelist", "schedule"),
            (
                "listings.view_transitionlog",
                "Transition log",
                "admin:listings_transitionlog_changelist",
                "history",
            ),
        ),
    ),
    (
        "Set-up",
        (
            ("listings.view_outreachrule", "Outreach rules", f"{RULES}_changelist", "rule"),
            ("listings.view_outreachsettings", "Outreach limits", f"{LIMITS}_changelist", "tune"),
            ("integrations.view_telegramsettings", "Telegram", f"{TELEGRAM}_changelist", "notifications"),
            ("auth.view_user", "People", "admin:auth_user_changelist", "group"),
            ("axes.view_accessattempt", "Failed sign-ins", "admin:axes_accessattempt_changelist", "lock"),
            ("auth.view_group", "Groups", "admin:auth_group_changelist", "badge"),
            ("authtoken.view_tokenproxy", "API tokens", "admin:authtoken_tokenproxy_changelist", "key"),
        ),
    ),
)


@lru_cache(maxsize=8)
def _links(prefix: str) -> dict[str, str]:
    """Find each entry's address, once for each prefix that a proxy puts before our paths."""
    return {name: reverse(name) for _, entries in GROUPS for _, _, name, _ in entries}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the sidebar, as far as this member of staff may go."""
    index, path, links = reverse("admin:index"), request.path, _links(get_script_prefix())
    home = {"title": "Now", "icon": "bolt", "link": index, "active": path == index}
    result: list[dict[str, Any]] = [{"items": [home]}]
    badges = _badges(request)
    for title, entries in GROUPS:
        items = [
            {
                "title": words,
                "icon": icon,
                "link": links[name],
                "active": links[name] in path,
                "badge": badges.get(name),
            }
            for permission, words, name, icon in entries
            if request.user.has_perm(permission)
        ]
        result.append({"title": title, "items": items})
    return result


def _badges(request: HttpRequest) -> dict[str, int]:
    """Count what needs a person, for the sidebar of every page: small parts of tables, with an index each."""
    seen = tuple(name for permission, name in COUNTED if request.user.has_perm(permission))
    if not seen:
        return {}
    sql, values = _counting(seen)
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return dict(zip(seen, cursor.fetchone(), strict=True))


@cache
def _counting(names: tuple[str, ...]) -> tuple[str, list[Any]]:
    """Write the query that counts for these entries, all at once: each page asks it, and it is always the same."""
    parts = [(_WAITS[name].order_by().values("pk")[:ENOUGH]).query.sql_with_params() for name in names]
    counts = ", ".join(f"(SELECT COUNT(*) FROM ({sql}) waits)" for sql, _ in parts)  # noqa: S608  Django wrote it
    return f"SELECT {counts}", [value for _, values in parts for value in values]


def capped(rows: QuerySet[Any]) -> int:
    """Count rows, up to `ENOUGH`."""
    return int(rows.order_by()[:ENOUGH].count())
