"""Bodies as partners send them, as they should not, and as nobody should."""

import json
from typing import Any

from hypothesis import strategies as st

HOSTILE = [
    "<script>window.heard=1</script>",
    "=1+1",
    "'; DROP TABLE listings_productlisting; --",
    "a\x00b",
    "\ud800",
    "\u202eabc",
    "{{ 7|add:7 }}",
    "%s%n",
    "../../etc/passwd",
    "x" * 11_000,
    "",
    " ",
]
texts = st.sampled_from(HOSTILE) | st.text(max_size=20)
whole = st.sampled_from([0, 1, 5, 350, 2**31 - 1, 2**31, 2**63, -1, 10**400])
broken_numbers = st.sampled_from([float("nan"), float("inf"), -0.0, 1e308, 0.005, 1e-7, True, False])
leaves = st.none() | st.booleans() | whole | broken_numbers | texts
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
amounts = st.sampled_from([0, 1, "0.00", "350.00", 350, 349.995, "0.005", "1000000", 500.5])
odd_amounts = anything | st.sampled_from(["-1", "1e3", "1e400", "NaN", "١٢", "1_000", "0x1f", " 5 "])
times = st.sampled_from(
    ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05+14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59"]
)
orders = st.sampled_from([1, 2, 3, "A-1", "A-2", "", None])


def mostly(good: st.SearchStrategy[Any], bad: st.SearchStrategy[Any] = anything) -> st.SearchStrategy[Any]:
    """Draw what fits seven times of eight: only then does anything move."""
    return st.integers(0, 7).flatmap(lambda number: good if number else bad)


callbacks = st.fixed_dictionaries(
    {"agreed_price": mostly(st.sampled_from([350, "350.00", 349.5]), odd_amounts)},
    optional={
        "order_id": mostly(st.integers(1, 3)),
        "occurred_at": mostly(times),
        "conversation_thread_id": mostly(texts),
        "message": mostly(texts),
        "shipping_cost": mostly(amounts, odd_amounts),
        "reason": mostly(texts),
        "currency": mostly(st.just("GBP")),
        "more": anything,
    },
)
sales = st.fixed_dictionaries(
    {"sold_price": mostly(st.sampled_from([500, "500.00", 480.5]), odd_amounts), "order_id": mostly(orders)},
    optional={
        "ebay_fees": mostly(amounts, odd_amounts),
        "shipping_cost": mostly(amounts, odd_amounts),
        "sold_at": mostly(times),
        "listing_id": mostly(st.sampled_from(["1101", "1102", 1101])),
        "currency": mostly(st.just("GBP")),
    },
)
facts = st.fixed_dictionaries(
    {},
    optional={
        "purchase_price": mostly(amounts, odd_amounts),
        "ebay_sold_price": mostly(amounts, odd_amounts),
        "ebay_fees": mostly(amounts, odd_amounts),
        "shipping_cost": mostly(amounts, odd_amounts),
        "ebay_listing_id": mostly(st.sampled_from(["1101", "1102", "1103"]), texts),
        "ebay_asking_price": mostly(amounts, odd_amounts),
        "reason": mostly(texts),
    },
)


def dumps(body: Any) -> bytes:
    """Write JSON, also what is none in the strict sense; lone surrogates are escaped."""
    return json.dumps(body).encode()
