"""What must be true when the dust has settled, asked of the database, the broker's queue and the partners.

The product's own `manage.py audit` is one witness. The rest does not ask the
product: SQL, the messages that a consumer got, the partners' records.
"""

import json
import subprocess
import sys
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from tests.aetos.processes import ROOT
from tests.faults.report import Counts

if TYPE_CHECKING:
    from tests.faults.stack import Stack


def judge(stack: "Stack", *, audit: bool = True) -> Counts:
    """Count what was lost, doubled and out of order in a stack, over all that it was asked to do."""
    counts = Counts()
    for part in (
        items(stack),
        events(stack),
        leads(stack),
        offers(stack),
        scrapes(stack),
        telegram(stack),
        overdue(stack),
        plans(stack),
        calls(stack),
    ):
        counts.add(part)
    counts.findings += log(stack)
    if audit:
        counts.findings += product_audit(stack)
    return counts


def items(stack: "Stack") -> Counts:
    """Every item that a partner told us of is one listing, sighted as often as it was told."""
    rows = stack.sql("SELECT marketplace_url, count(*) FROM listings_productlisting GROUP BY 1")
    there = {_item(url): int(count) for url, count in rows}
    with stack.sims.scraperv2.lock:
        jobs = [job.result["matches"] for job in stack.sims.scraperv2.jobs.values() if job.result]
    scraped = [_item(match["listing"]["url"]) for matches in jobs for match in matches]
    lost = {item for item in [*stack.told, *scraped] if item not in there}
    sightings = stack.number("SELECT count(*) FROM listings_sighting")
    too_many = max(0, sightings - stack.sightings - len(scraped))
    return Counts(lost=len(lost), doubled=sum(count - 1 for count in there.values()) + too_many)


def _item(url: Any) -> int:
    return int(str(url).partition("?")[0].rstrip("/").rpartition("/")[2])


def events(stack: "Stack") -> Counts:
    """Every event's row has reached the queue, in order for its key; nothing else has."""
    rows = stack.sql(
        "SELECT event_id::text, key FROM integrations_outboxmessage WHERE channel = 'events' ORDER BY id"
    )
    expected = {str(event_id): str(key) for event_id, key in rows}
    got = stack.received()
    first = list(dict.fromkeys(got))
    lost = expected.keys() - set(got)
    strangers = [event_id for event_id in first if event_id not in expected]
    place = {event_id: number for number, event_id in enumerate(expected)}
    latest: dict[str, int] = defaultdict(lambda: -1)
    turned = 0
    for event_id in first:
        if event_id in expected:
            key = expected[event_id]
            turned += place[event_id] < latest[key]
            latest[key] = max(latest[key], place[event_id])
    return Counts(lost=len(lost), doubled=len(strangers), out_of_order=turned, repeated=len(got) - len(first))


def leads(stack: "Stack") -> Counts:
    """Every lead that was asked for stands once at Chatterbot."""
    asked = {
        str(key)
        for (key,) in stack.sql(
            "SELECT key FROM integrations_outboxmessage WHERE topic = 'chatterbot.send_lead'"
        )
    }
    with stack.sims.chatterbot.lock:
        there = Counter(row.listing_id for row in stack.sims.chatterbot.leads.rows.values())
    return Counts(
        lost=sum(1 for key in asked if not there[key]), doubled=sum(count - 1 for count in there.values())
    )


def offers(stack: "Stack") -> Counts:
    """Every camera that eBayLister was to list stands there once, under the number that we know."""
    listed = stack.sql(
        """
        SELECT ebay_listing_id, EXISTS (
            SELECT 1 FROM integrations_outboxmessage o WHERE o.topic = 'ebay.create_listing' AND o.key = p.id::text)
        FROM listings_productlisting p WHERE ebay_listing_id IS NOT NULL
        """
    )
    numbers = {str(number) for number, _ in listed}
    asked = {str(number) for number, by_us in listed if by_us}  # staff may give a number of their own
    there = Counter(offer.sku for offer in stack.sims.ebaylister.listings)
    made = {offer.listing_id for offer in stack.sims.ebaylister.listings}
    strangers = sum(1 for number in made if number not in numbers)
    return Counts(lost=len(asked - made), doubled=sum(count - 1 for count in there.values()) + strangers)


def scrapes(stack: "Stack") -> Counts:
    """Every scrape that staff asked for runs once at ScraperV2, and its result was taken in."""
    rows = stack.sql(
        "SELECT scraper_job_id::text, status FROM scraping_scrapejob WHERE triggered_by <> 'scraper'"
    )
    ours = {str(job_id) for job_id, _ in rows if job_id}
    lost = sum(1 for job_id, status in rows if not job_id or status != "completed")
    with stack.sims.scraperv2.lock:
        there = {job.job_id for job in stack.sims.scraperv2.jobs.values() if job.search}
    return Counts(lost=lost, doubled=len(there - ours))


def telegram(stack: "Stack") -> Counts:
    """Every message stands in the chat, once; twice only where an answer was lost: Telegram can't be asked for it."""
    rows = stack.number("SELECT count(*) FROM integrations_outboxmessage WHERE channel = 'telegram'")
    failed = stack.number(
        """
        SELECT count(*) FROM integrations_deliveryattempt a
        JOIN integrations_outboxmessage m ON m.id = a.message_id
        WHERE m.channel = 'telegram' AND a.outcome = 'failed'
        """
    )
    said = len(stack.sims.telegram.sent) if rows else 0
    again = min(max(0, said - rows), failed)
    return Counts(lost=max(0, rows - said), doubled=max(0, said - rows - again), repeated=again)


def overdue(stack: "Stack") -> Counts:
    """What ran out was cancelled, each once."""
    query = "SELECT count(*) FROM listings_productlisting WHERE id::text = ANY(%s) AND state <> 'CANCELLED'"
    return Counts(lost=stack.number(query, stack.to_cancel))


def plans(stack: "Stack") -> Counts:
    """Every run of a search plan started one job."""
    runs = stack.number("SELECT count(*) FROM scraping_searchrun WHERE status <> 'waiting'")
    jobs = stack.number("SELECT count(*) FROM scraping_scrapejob WHERE triggered_by LIKE 'rule:%%'")
    return Counts(doubled=max(0, jobs - runs))


def calls(stack: "Stack") -> Counts:
    """Every call was made once, where the scenario allows no second one that the partner would recognise."""
    if not stack.count_calls:
        return Counts()
    sent = "SELECT count(*) FROM integrations_outboxmessage WHERE topic = %s"
    made = (
        (stack.sims.chatterbot.counts["POST /leads"], "chatterbot.send_lead"),
        (stack.sims.scraperv2.counts["POST /scrape"], "scraper.start_job"),
    )
    return Counts(doubled=sum(max(0, count - stack.number(sent, topic)) for count, topic in made))


def log(stack: "Stack") -> list[str]:
    """Each listing's log has no gap, ends in its state, and has one event a row."""
    broken = stack.number(
        """
        SELECT count(*) FROM listings_productlisting p LEFT JOIN (
            SELECT listing_id, count(*) AS rows, max(sequence) AS last,
                   (array_agg(to_state ORDER BY sequence DESC))[1] AS ends
            FROM listings_transitionlog GROUP BY 1) l ON l.listing_id = p.id
        WHERE l.rows IS NULL OR l.rows <> p.version OR l.last <> p.version OR l.ends <> p.state
        """
    )
    silent = stack.number(
        """
        SELECT count(*) FROM listings_transitionlog l
        WHERE NOT EXISTS (SELECT 1 FROM integrations_outboxmessage o WHERE o.event_id = l.event_id)
        """
    )
    findings = [f"{broken} listings whose log is not their state"] if broken else []
    return findings + ([f"{silent} log rows without their event"] if silent else [])


def product_audit(stack: "Stack") -> list[str]:
    """Ask `manage.py audit`, with no patience for what is unfinished; return what it found."""
    done = subprocess.run(
        [sys.executable, "manage.py", "audit", "--json", "--patience", "1"],
        cwd=ROOT,
        env=stack.environment(),
        capture_output=True,
        text=True,
        timeout=600,
    )
    if done.returncode == 0:
        return []
    try:
        found = json.loads(done.stdout)
    except ValueError:
        return [f"audit ended with {done.returncode}: {done.stderr[-300:]}"]
    return [f"audit: {rule} {rows}" for rule, rows in found["broken"].items()]
