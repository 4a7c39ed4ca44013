"""Numbers of listings by state and brand, exact and without counting: triggers keep them, inside the change itself.

Each change appends rows to `ListingTally` and waits for nobody. PostgreSQL adds
up a whole statement before it appends, so that a job of a thousand costs a few
rows; SQLite appends for each listing. `fold` keeps the table short; until then
it is longer, never wrong. listings/guards.py installs the triggers, and has
everything counted anew where they were not there.
"""

from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Count, Model, Sum

from listings.models import ListingTally, ProductListing
from listings.states import State

LISTING = ProductListing._meta.db_table
TABLE = ListingTally._meta.db_table
FOLD_FROM = 500  # so many rows too many cost a reader less than folding them
FOLD_AT_ONCE = 50_000


@dataclass(frozen=True)
class Number:
    """How many listings, and their money in pennies."""

    count: int
    pennies: int


def numbers(brand: str = "") -> dict[str, Number]:
    """Return the numbers of each state that has listings.

    Args:
        brand: only this one, regardless of case; empty for all.
    """
    rows = ListingTally.objects.order_by()
    if brand:
        rows = rows.filter(brand=brand.upper())
    sums = rows.values_list("state").annotate(count=Sum("listings"), money=Sum("pennies"))
    return {state: Number(int(count), int(money)) for state, count, money in sums if count}


def count(*, state: str = "", brand: str = "") -> int:
    """Count the listings of a state, of a brand regardless of case, of both, or all."""
    asked = {name: value for name, value in (("state", state), ("brand", brand.upper())) if value}
    where = " AND ".join(f"{name} = %s" for name in asked) or "TRUE"
    # Asked for with each page of the lists: Django took longer to write it than PostgreSQL to answer.
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT SUM(listings) FROM {TABLE} WHERE {where}", list(asked.values()))  # noqa: S608
        return int(cursor.fetchone()[0] or 0)


def fold() -> int:
    """Replace the rows of each state and brand by their sum, where there are many too many; return how many fewer."""
    return fold_rows(ListingTally, ("state", "brand"), ("listings", "pennies"))


def fold_rows(model: type[Model], keys: tuple[str, ...], sums: tuple[str, ...]) -> int:
    """Do that with a table of such rows.

    Two folds at once take turns at the rows, and what is appended meanwhile is not
    among those that were deleted: no number is lost or doubled.
    """
    table, manager = model._meta.db_table, model._default_manager
    groups = manager.order_by().values_list(*keys).annotate(rows=Count("pk"))
    if sum(group[-1] - 1 for group in groups) < FOLD_FROM:
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        oldest = f"SELECT id FROM {table} ORDER BY id LIMIT {FOLD_AT_ONCE}"  # noqa: S608  names of our own
        cursor.execute(f"DELETE FROM {table} WHERE id IN ({oldest}) RETURNING {', '.join(keys + sums)}")  # noqa: S608
        gone = cursor.fetchall()
        whole: dict[tuple[Any, ...], list[int]] = {}
        for row in gone:
            before = whole.setdefault(row[: len(keys)], [0] * len(sums))
            whole[row[: len(keys)]] = [one + more for one, more in zip(before, row[len(keys) :], strict=True)]
        left = [
            dict(zip(keys + sums, [*key, *numbers], strict=True))
            for key, numbers in whole.items()
            if any(numbers)
        ]
        manager.bulk_create([model(**row) for row in left])
    return len(gone) - len(left)


def differences() -> list[tuple[str, str, int, int]]:
    """Count all; return where the tally says otherwise: state, brand, how many listings and pennies too many."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT state, brand, SUM(n), SUM(p) FROM (SELECT state, brand, listings AS n, pennies AS p FROM {TABLE} "  # noqa: S608
            f"UNION ALL {_rows('listing', -1, LISTING)}) AS both_sides "
            "GROUP BY state, brand HAVING SUM(n) <> 0 OR SUM(p) <> 0 ORDER BY state, brand"
        )
        return [(state, brand, int(n), int(p)) for state, brand, n, p in cursor.fetchall()]


def lock(connection: BaseDatabaseWrapper) -> None:
    """Keep changes of listings away until the transaction ends; SQLite's has done so from its beginning."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {LISTING} IN SHARE ROW EXCLUSIVE MODE")


def recount(connection: BaseDatabaseWrapper) -> None:
    """Count all listings anew. The caller keeps changes away meanwhile: it holds a lock on their table."""
    with connection.cursor() as cursor:
        for statement in RECOUNT:
            cursor.execute(statement)


# ---- the triggers -------------------------------------------------------------------------------


def triggers(vendor: str) -> list[tuple[str, str, str, str]]:
    """Return name, moment, scope and body of each trigger on the listings' table."""
    if vendor == "postgresql":
        came, went = _rows("came", 1, "came"), _rows("went", -1, "went")
        new, old = "REFERENCING NEW TABLE AS came", "OLD TABLE AS went"
        return [
            ("tally_insert", "AFTER INSERT", f"{new} FOR EACH STATEMENT", _append(came)),
            ("tally_update", "AFTER UPDATE", f"{new} {old} FOR EACH STATEMENT", _append(came, went)),
            ("tally_delete", "AFTER DELETE", f"REFERENCING {old} FOR EACH STATEMENT", _append(went)),
            ("tally_truncate", "AFTER TRUNCATE", "FOR EACH STATEMENT", f"DELETE FROM {TABLE}"),  # noqa: S608
        ]
    came, went = _rows("NEW", 1), _rows("OLD", -1)
    counted = "state, brand, asking_price, negotiated_price, purchase_price, final_profit"
    return [
        ("tally_insert", "AFTER INSERT", "FOR EACH ROW", _append(came)),
        ("tally_update", f"AFTER UPDATE OF {counted}", "FOR EACH ROW", _append(came, went)),
        ("tally_delete", "AFTER DELETE", "FOR EACH ROW", _append(went)),
    ]


def _rows(alias: str, sign: int, table: str = "") -> str:
    """Write the select of what each row of a table, or the one row of a trigger, counts for."""
    amount = f"COALESCE({alias}.purchase_price, {alias}.negotiated_price, {alias}.asking_price)"
    money = f"CASE WHEN {alias}.state = '{State.SOLD.value}' THEN {alias}.final_profit ELSE {amount} END"
    pennies = f"CAST(ROUND(COALESCE({money}, 0) * 100) AS bigint)"
    source = f" FROM {table} AS {alias}" if table and table != alias else f" FROM {table}" if table else ""
    return f"SELECT {alias}.state AS state, UPPER({alias}.brand) AS brand, {sign} AS n, {sign} * {pennies} AS p{source}"


def _append(*selects: str) -> str:
    """Write the insert of what the selects come to; where nothing changes, nothing is inserted."""
    return (
        f"INSERT INTO {TABLE} (state, brand, listings, pennies) "  # noqa: S608  names of our own
        f"SELECT state, brand, SUM(n), SUM(p) FROM ({' UNION ALL '.join(selects)}) AS changes "
        "GROUP BY state, brand HAVING SUM(n) <> 0 OR SUM(p) <> 0"
    )


RECOUNT = (f"DELETE FROM {TABLE}", _append(_rows("listing", 1, LISTING)))  # noqa: S608  a name of our own
