"""Pages over HTTP: against a bare view that returns as many bytes, and against themselves at 10,000 listings."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests

from bench.databases import ROOT
from bench.rows import SIZES, Bench, Sides, at_most, bare_server, row
from tests.aetos.processes import environment

LEAST = SIZES[0]
AT_ONCE = 5  # requests to a figure
# Until each thread of both processes has its statements prepared, as a server has that runs for days.
WARM = 40
API, STAFF = "/admin/listings", "/staff/listings/productlisting/"
SIGN_IN = """
from django.contrib.auth import get_user_model
from django.test import Client
from rest_framework.authtoken.models import Token
user, _ = get_user_model().objects.get_or_create(username="bench", defaults={"is_staff": True, "is_superuser": True})
client = Client()
client.force_login(user)
print("signed in", Token.objects.get_or_create(user=user)[0].key, client.cookies["sessionid"].value)
"""


@dataclass(frozen=True)
class Page:
    """A page of the product; `address` takes how many listings there are: with few, page 1,000 is the last."""

    name: str
    words: str
    address: Callable[[int], str]
    bare: bool  # whether it is held against a bare view, too
    growth: float  # how much longer it may take than at 10,000 listings; 0 where that is not asked
    sizes: tuple[int, ...] = SIZES
    server: bool = True  # whether it is a page of ours, not of the bare server


def _far(size: int) -> int:
    return min(1000, size // 50)


PAGES = (
    Page("api-first", "list API, first page", lambda size: API, True, 1.3),
    Page("api-far", "list API, page 1,000", lambda size: f"{API}?offset={50 * (_far(size) - 1)}", True, 1.3),
    Page(
        "api-filtered",
        "list API, one state and brand",
        lambda size: f"{API}?state=FOUND&brand=sony",
        True,
        1.3,
    ),
    Page("staff-first", "back-office list, first page", lambda size: STAFF, True, 1.3),
    Page("staff-far", "back-office list, page 1,000", lambda size: f"{STAFF}?p={_far(size)}", True, 1.3),
    Page(
        "staff-filtered",
        "back-office list, one state and brand",
        lambda size: f"{STAFF}?state=FOUND&brand=sony",
        True,
        1.3,
    ),
    Page(
        "api-floor",
        "the framework alone: the first page's rows by one SQL, in a bare DRF view",
        lambda size: "/rows",
        True,
        0,
        SIZES[:1],
        server=False,
    ),
    Page(
        "staff-floor",
        "the framework alone: a back-office page with nothing in it",
        lambda size: "/staff/password_change/",
        True,
        0,
        SIZES[:1],
    ),
    Page("home", "cockpit", lambda size: "/staff/", False, 2.0),
    Page("board", "board", lambda size: "/staff/board/", False, 2.0),
)


class Reader:
    """Somebody who is signed in, as a program and as a person, at a server."""

    def __init__(self, url: str, database: str, folder: Path) -> None:
        done = subprocess.run(
            [sys.executable, "manage.py", "shell", "--no-imports", "-c", SIGN_IN],
            cwd=ROOT,
            env=environment(folder, DATABASE_URL=database),
            capture_output=True,
            text=True,
            check=True,
        )
        token, cookie = done.stdout.split("signed in ")[1].split()
        self._url, self._session = url, requests.Session()
        self._session.headers["Authorization"] = f"Token {token}"
        self._session.cookies.set("sessionid", cookie)

    def get(self, address: str) -> bytes:
        """Return what an address answers."""
        answer = self._session.get(self._url + address, timeout=120, allow_redirects=False)
        if answer.status_code != 200:
            raise RuntimeError(f"{address}: {answer.status_code}: {answer.text[:200]}")
        return answer.content

    def milliseconds(self, address: str) -> float:
        """Return the median of a few requests."""
        times = []
        for _ in range(AT_ONCE):
            began = time.perf_counter()
            self.get(address)
            times.append(time.perf_counter() - began)
        return statistics.median(times) * 1000


def _against_bare(page: Page) -> Callable[[Bench], Sides]:
    def measure(bench: Bench) -> Sides:
        address = page.address(bench.size)
        with bare_server(bench) as url:
            bare = Reader(url, bench.url, bench.folder)
            ours = Reader(bench.web.url, bench.url, bench.folder) if page.server else bare
            body = ours.get(address)
            payload = {"page": body.decode()} if address.startswith("/staff") else json.loads(body)
            (bench.folder / f"{page.name}.json").write_text(json.dumps(payload))
            return bench.interleave(
                lambda: ours.milliseconds(address),
                lambda: bare.milliseconds(f"/bare/{page.name}"),
                warm=WARM,
            )

    return measure


def _against_itself(page: Page) -> Callable[[Bench], Sides]:
    def measure(bench: Bench) -> Sides:
        here = Reader(bench.web.url, bench.url, bench.folder)
        small = Reader(bench.start_web(LEAST).url, bench.urls[LEAST], bench.folder)
        return bench.interleave(
            lambda: here.milliseconds(page.address(bench.size)),
            lambda: small.milliseconds(page.address(LEAST)),
            warm=WARM,
        )

    return measure


for each in PAGES:
    if each.bare:
        row(
            each.name,
            work=each.words,
            against="a bare DRF view, signed in alike, that returns as many bytes",
            unit="ms",
            reach=at_most(1.5),
            sizes=each.sizes,
        )(_against_bare(each))
    if not each.growth:
        continue
    row(
        f"{each.name}-growth",
        work=each.words,
        against=f"the same at {LEAST:,} listings",
        unit="ms",
        reach=at_most(each.growth),
        sizes=SIZES[1:],
    )(_against_itself(each))
