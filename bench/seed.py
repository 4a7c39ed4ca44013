"""Fills an empty database with listings as a long life would have left them, a million in about two minutes.

Rows are made by `generate_series`, in the order of their dependence; triggers and secondary indexes are away
meanwhile, and checks and unique constraints are not. What is written is what the door would have written: each
listing has the log of a legal way to its state, an event for each arrow, sightings, a lead from MESSAGING on, an
offer from LISTED on, and the ledger lines of its amounts.
"""

import uuid

import psycopg

# Of each hundred listings. Most that are found come to nothing.
SHARES = {
    "FOUND": 50,
    "MESSAGING": 8,
    "NEGOTIATING": 4,
    "PURCHASED": 2,
    "RECEIVED": 2,
    "LISTED": 4,
    "SOLD": 8,
    "CANCELLED": 22,
}
PER_JOB = 100
BRANDS = ("Sony", "Canon", "Nikon", "Fujifilm", "Leica", "Olympus", "Panasonic", "Pentax")
WAY = ("FOUND", "MESSAGING", "NEGOTIATING", "PURCHASED", "RECEIVED", "LISTED", "SOLD")
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODES = len(ALPHABET) ** 6


def fill(url: str, size: int) -> None:
    """Fill the migrated, empty database at `url` with `size` listings and all that belongs to them."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute("SET session_replication_role = replica")
        indexes = _take_indexes(connection)
        for statement in _statements(size):
            connection.execute(statement)
        connection.execute("SET maintenance_work_mem = '256MB'")
        for definition in indexes:
            connection.execute(definition)
        connection.execute("RESET session_replication_role")
        recount(connection)
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def recount(connection: psycopg.Connection) -> None:
    """Put the tally of listings right, whose triggers were away."""
    from listings import days, tally  # which want Django to be set up

    for statement in (*tally.RECOUNT, *days.recounting("postgresql")):
        connection.execute(statement)


def _take_indexes(connection: psycopg.Connection) -> list[str]:
    """Drop the indexes that stand for no constraint; return what makes them again."""
    found = connection.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
        "JOIN pg_class ON pg_class.oid = indrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace "
        "WHERE nspname = 'public' AND NOT indisunique AND relname = ANY(%s)",
        [
            [
                "listings_productlisting",
                "listings_transitionlog",
                "listings_sighting",
                "integrations_outboxmessage",
            ]
        ],
    ).fetchall()
    for name, _ in found:
        connection.execute(f"DROP INDEX {name}")
    return [definition for _, definition in found]


def _uuid7(at: str, text: str) -> str:
    """Return the SQL of a UUID version 7 of that time, its random part drawn from a text."""
    milliseconds = f"lpad(to_hex((extract(epoch FROM {at}) * 1000)::bigint), 12, '0')"
    return f"({milliseconds} || '7' || substr(md5({text}), 1, 3) || '8' || substr(md5({text}), 4, 15))::uuid"


def _choice(column: str, values: tuple[str, ...]) -> str:
    array = ", ".join(f"'{value}'" for value in values)
    return f"(ARRAY[{array}])[1 + {column} % {len(values)}]"


def _state() -> str:
    """Return the SQL of a state by the number's place in its hundred, the shares mixed all over."""
    states = [state for state, share in SHARES.items() for _ in range(share)]
    mixed = [states[place * 37 % 100] for place in range(100)]
    return _choice("n", tuple(mixed))


def _reached(state: str) -> str:
    """Return the SQL of whether a listing has been in a state."""
    later = ", ".join(f"'{each}'" for each in WAY[WAY.index(state) :])
    return f"state IN ({later})"


def _code() -> str:
    scattered = f"(n::bigint * 7919 * 104729 % {_CODES})"
    letters = [
        f"substr('{ALPHABET}', (1 + {scattered} / {len(ALPHABET) ** place} % {len(ALPHABET)})::int, 1)"
        for place in range(6)
    ]
    return " || ".join(letters)


def _statements(size: int) -> list[str]:
    return [_jobs(size), _listings(size), _log(), _events(), _sightings(), *_companions(), _inbox()]


def _jobs(size: int) -> str:
    at = f"now() - interval '400 days' * (1 - (n::float8 / {max(1, size // PER_JOB)}))"
    return f"""
        INSERT INTO scraping_scrapejob (uuid, scraper_job_id, brands, search, status, triggered_by, created_at,
            started_at, completed_at, error, warning, deliveries, matches, created_listings, resighted, invalid,
            unanswered)
        SELECT {_uuid7("at", "'job' || n")}, md5('scraper' || n)::uuid, '["Sony"]', 'cameras', 'completed', 'scraper',
            at, at, at, '', '', jsonb_build_array(md5(n::text) || md5('b' || n)), {PER_JOB}, {PER_JOB}, 0, 0, 0
        FROM generate_series(1, {max(1, size // PER_JOB)}) n, LATERAL (SELECT {at} AS at) times"""


def _listings(size: int) -> str:
    moments = "".join(
        f", CASE WHEN {_reached(state)} THEN at + interval '{day} days' END"
        for day, state in enumerate(WAY[1:], start=1)
    )
    entered = " ".join(f"WHEN '{state}' THEN interval '{day} days'" for day, state in enumerate(WAY))
    return f"""
        INSERT INTO listings_productlisting (id, identity, short_code, state, version, marketplace_url, raw_url, title,
            location, product_id, brand, model, product_name, confidence_score, raw_match, scraper_job_id, session_id,
            asking_price, estimated_profit, negotiated_price, purchase_price, shipping_cost, ebay_fees,
            ebay_asking_price, ebay_sold_price, final_profit, profit_is_provisional, ebay_listing_id, ebay_order_id,
            created_at, updated_at, state_changed_at, found_at, messaged_at, negotiating_at, purchased_at, received_at,
            listed_at, sold_at, cancelled_at, deadline_at)
        SELECT {_uuid7("at", "'listing' || n")}, 'facebook:' || 500000000000 + n, {_code()}, state,
            CASE state {" ".join(f"WHEN '{each}' THEN {n}" for n, each in enumerate(WAY, start=1))} ELSE 2 END,
            'https://www.facebook.com/marketplace/item/' || 500000000000 + n || '/',
            'https://www.facebook.com/marketplace/item/' || 500000000000 + n || '/?ref=search&tracking=' || n,
            brand || ' A' || n % 1000 || ' camera, very good condition, no. ' || n, 'Edinburgh', n % 1000, brand,
            'A' || n % 1000, brand || ' A' || n % 1000, 60 + n % 40,
            jsonb_build_object('listing', jsonb_build_object('title', brand || ' A' || n % 1000, 'price', price),
                'product', jsonb_build_object('id', n % 1000, 'brand', brand), 'confidence', 60 + n % 40),
            md5('scraper' || 1 + (n - 1) / {PER_JOB})::uuid, 1 + (n - 1) / {PER_JOB}, price, price / 4,
            CASE WHEN {_reached("PURCHASED")} THEN price - 10 END,
            CASE WHEN {_reached("PURCHASED")} THEN price - 10 END,
            CASE WHEN state = 'SOLD' THEN 9.50 END, CASE WHEN state = 'SOLD' THEN 40 END,
            CASE WHEN {_reached("LISTED")} THEN price + 150 END, CASE WHEN state = 'SOLD' THEN price + 140 END,
            CASE WHEN state = 'SOLD' THEN 100.50 END, false,
            CASE WHEN {_reached("LISTED")} THEN '11' || 1000000000 + n END,
            CASE WHEN state = 'SOLD' THEN 'order-' || n END,
            at, changed, changed, at{moments},
            CASE WHEN state = 'CANCELLED' THEN changed END,
            CASE WHEN state IN ('MESSAGING', 'NEGOTIATING') THEN now() + interval '6 days' + n * interval '1 second' END
        FROM generate_series(1, {size}) n,
            LATERAL (SELECT now() - interval '400 days' * (1 - n::float8 / {size}) - interval '9 days' AS at,
                {_state()} AS state, {_choice("n", BRANDS)} AS brand, (100 + n % 900)::numeric AS price) drawn,
            LATERAL (SELECT at + CASE state {entered} ELSE interval '1 day' END AS changed) times"""


def _log() -> str:
    origins = ["NULL", *(f"'{state}'" for state in WAY)]
    arrows = ", ".join(f"({n}, {origins[n - 1]}, '{state}')" for n, state in enumerate(WAY, start=1))
    at = "created_at + (step - 1) * interval '1 day'"
    return f"""
        INSERT INTO listings_transitionlog (sequence, event_id, from_state, to_state, transitioned_at, triggered_by,
            metadata, listing_id)
        SELECT step, {_uuid7(at, "id::text || step")}, from_state,
            CASE WHEN step = version THEN state ELSE to_state END, {at},
            CASE WHEN step = 1 THEN 'scraper' ELSE 'user:ann' END, '{{}}', id
        FROM listings_productlisting JOIN (VALUES {arrows}) arrow (step, from_state, to_state) ON step <= version
        ORDER BY id, step"""


def _events() -> str:
    return """
        INSERT INTO integrations_outboxmessage (event_id, channel, topic, key, body, created_at, next_attempt_at,
            attempts, last_error, delivered_at)
        SELECT event_id, 'events',
            CASE WHEN sequence = 1 THEN 'listing.created' ELSE 'listing.state.' || lower(to_state) END,
            listing_id::text, jsonb_build_object('listing_id', listing_id, 'from_state', from_state, 'to_state',
            to_state, 'triggered_by', triggered_by, 'reason', NULL), transitioned_at, transitioned_at, 1, '',
            transitioned_at + interval '1 second'
        FROM listings_transitionlog ORDER BY id"""


def _sightings() -> str:
    return """
        INSERT INTO listings_sighting (listing_id, scraper_job_id, seen_at, price)
        SELECT id, scraper_job_id, created_at, asking_price FROM listings_productlisting ORDER BY id"""


def _companions() -> list[str]:
    lines = {
        "purchase": ("purchase_price", "purchased_at"),
        "sale": ("ebay_sold_price", "sold_at"),
        "ebay_fees": ("ebay_fees", "sold_at"),
        "postage_out": ("shipping_cost", "sold_at"),
    }
    booked = " UNION ALL ".join(
        f"SELECT id, '{kind}', {amount}, {at}::date, {at} FROM listings_productlisting WHERE {amount} IS NOT NULL"
        for kind, (amount, at) in lines.items()
    )
    return [
        """INSERT INTO listings_lead (listing_id, order_id, created_at, accepted_at, message_sent_at,
                conversation_thread_id, seller_messenger_id)
            SELECT id, row_number() OVER (), messaged_at, messaged_at, messaged_at, '', ''
            FROM listings_productlisting WHERE messaged_at IS NOT NULL""",
        """INSERT INTO listings_ebayoffer (listing_id, title, description, condition, price, requested_by, offer_id,
                url, prepared_at, requested_at, accepted_at, ended_at, problems)
            SELECT id, left(title, 80), 'A camera.', 'USED_EXCELLENT', ebay_asking_price, 'user:ann', '', '', listed_at,
                listed_at, listed_at, sold_at, '{}'
            FROM listings_productlisting WHERE listed_at IS NOT NULL""",
        f"""INSERT INTO listings_ledgerline (listing_id, kind, amount, date, note, by, created_at)
            SELECT id, kind, amount, day, '', 'user:ann', at FROM ({booked}) booked (id, kind, amount, day, at)""",
    ]


def _inbox() -> str:
    return """
        INSERT INTO integrations_inboxmessage (partner, kind, body, content_type, request_id, received_at, status,
            detail, answer, processed_at, attempts, settled_by)
        SELECT 'scraper', 'job-complete', convert_to('{"job_id": "' || scraper_job_id || '"}', 'UTF8'),
            'application/json', '', created_at, 'processed', '', '{"accepted": true}', completed_at, 1, ''
        FROM scraping_scrapejob ORDER BY id"""


def listings_like(
    connection: psycopg.Connection, count: int, *, tag: str, overdue_hours: int = 0
) -> list[uuid.UUID]:
    """Add listings just found, or overdue in MESSAGING with an accepted lead; return their ids.

    Args:
        connection: in autocommit; its triggers are off meanwhile.
        tag: makes their identities new.
        overdue_hours: not zero puts them into MESSAGING, their time up by that long and more, by the second.
    """
    state, version, way = ("MESSAGING", 2, 2) if overdue_hours else ("FOUND", 1, 1)
    deadline = (
        f"now() - interval '{overdue_hours} hours' - n * interval '1 second'" if overdue_hours else "NULL"
    )
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        rows = connection.execute(
            f"""INSERT INTO listings_productlisting (id, identity, short_code, state, version, marketplace_url, raw_url,
                title, location, product_id, brand, model, product_name, confidence_score, raw_match, scraper_job_id,
                session_id, asking_price, estimated_profit, profit_is_provisional, messaged_at, deadline_at)
            SELECT {_uuid7("now()", "%(tag)s || n")}, 'facebook:' || %(tag)s || n,
                translate(left(md5(%(tag)s || n), 6), '01', 'gh'), '{state}', {version}, 'https://example.com/' || n,
                'https://example.com/' || n, 'Sony A6400 camera', 'Edinburgh', 230, 'Sony', 'a6400', 'Sony a6400', 95,
                '{{"price": 400}}', gen_random_uuid(), 1, 400, 100, false,
                CASE WHEN {way} = 2 THEN now() END, {deadline}
            FROM generate_series(1, %(count)s) n ON CONFLICT (short_code) DO NOTHING RETURNING id""",
            {"tag": tag, "count": count},
        ).fetchall()
        ids = [row[0] for row in rows]
        connection.execute(
            """INSERT INTO listings_transitionlog (sequence, event_id, from_state, to_state, transitioned_at,
                triggered_by, metadata, listing_id)
            SELECT step, gen_random_uuid(), CASE step WHEN 2 THEN 'FOUND' END,
                CASE step WHEN 1 THEN 'FOUND' ELSE 'MESSAGING' END, now(), 'scraper', '{}', id
            FROM unnest(%s::uuid[]) id, generate_series(1, %s) step""",
            [ids, way],
        )
        if way == 2:
            connection.execute(
                """INSERT INTO listings_lead (listing_id, accepted_at, conversation_thread_id, seller_messenger_id)
                SELECT id, now(), '', '' FROM unnest(%s::uuid[]) id""",
                [ids],
            )
    return ids
