"""The races themselves: each is run through the product's doors, on threads with connections of their own.

Only imported where Django is set up and the database is one's own, since it is
emptied before each race.
"""

import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any
from unittest import mock

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, override_settings

from aetos import audit
from integrations.models import InboxMessage
from listings import lifecycle
from listings.models import LedgerLine, Photo, ProductListing, Sighting
from listings.states import State
from scraping import jobs
from scraping.models import ScrapeJob
from tests.buying.conftest import CHATTERBOT_KEY
from tests.buying.test_timeout_races import decided, negotiating, race
from tests.conftest import SCRAPER_KEY
from tests.factories import a_job, a_match, dumps, staff, token
from tests.faults import unprotected
from tests.listings.test_races import one_story
from tests.photos.zoo import a_file
from tests.races import failures, rounds_at_once
from tests.scraping.test_races import one_of_each, post, shuffled_jobs
from tests.selling.sales import EBAY_KEY, coherent, sale, teller

RIGHT = ""
Verdicts = list[str]  # one for each round: RIGHT, or what was wrong, with "lost: " or "doubled: " before it


@dataclass(frozen=True)
class Contest:
    """One kind of race. `run` takes how many rounds, returns a verdict on each."""

    run: Callable[[int], Verdicts]
    taken_away: Callable[[], AbstractContextManager[None]]


def brought(count: int, state: State) -> list[Any]:
    """Bring so many new listings into a state; return their ids."""
    before = set(ProductListing.objects.values_list("pk", flat=True))
    jobs.complete(uuid.uuid4(), brands=["Sony"], matches=[a_match() for _ in range(count)])
    ids = [pk for pk in ProductListing.objects.values_list("pk", flat=True) if pk not in before]
    if state != State.FOUND:
        for pk in ids:
            lifecycle.walk(pk, state, by="user:test")
    return ids


def wrong(*checks: tuple[bool, str], story: Callable[[], Any] = lambda: None) -> str:
    """Return the words of the first check that does not hold, or RIGHT."""
    for holds, words in checks:
        if not holds:
            return words
    try:
        story()
    except AssertionError:
        return "row, log and events disagree"
    return RIGHT


# ---- the races ----------------------------------------------------------------------------------

ARROWS = [
    (State.FOUND, State.CANCELLED),
    (State.FOUND, State.MESSAGING),
    (State.MESSAGING, State.NEGOTIATING),
    (State.PURCHASED, State.RECEIVED),
]


def same_arrow(rounds: int) -> Verdicts:
    """Fifty take the same arrow at once."""
    turns = [ARROWS[each % len(ARROWS)] for each in range(rounds)]
    ids = [brought(1, origin)[0] for origin, _ in turns]

    def take(each: int, number: int) -> Any:
        verb: Any = lifecycle.VERBS[turns[each][1]]
        return verb(ids[each], by=f"user:{number}")

    def judge(pk: Any, results: list[Any]) -> str:
        winners = len(results) - len(failures(results))
        unclear = {type(each).__name__ for each in failures(results)} - {"IllegalArrow"}
        return wrong(
            (winners <= 1, f"doubled: {winners} winners"),
            (winners == 1, "lost: nobody won"),
            (not unclear, f"answered {', '.join(unclear)}"),
            story=lambda: one_story(ProductListing.objects.get(pk=pk)),
        )

    return [judge(*each) for each in zip(ids, rounds_at_once(50, rounds, take), strict=True)]


def sweep_against_callback(rounds: int) -> Verdicts:
    """The time-out's sweep cancels while Chatterbot tells of a deal."""
    ids = negotiating(rounds)
    answers = race(ids)
    return [RIGHT if decided(*each) else "nobody can say who won" for each in zip(ids, answers, strict=True)]


def same_job(rounds: int) -> Verdicts:
    """ScraperV2's one call arrives twenty times at once: every other time of a job that we had asked for."""
    bodies = [a_job(*(a_match() for _ in range(5))) for _ in range(rounds)]
    for body in bodies[::2]:
        ScrapeJob.objects.create(scraper_job_id=body["job_id"], brands=["Sony"])
    sent = [dumps(body) for body in bodies]
    results = rounds_at_once(20, rounds, lambda each, number: post(sent[each]))
    verdicts = []
    for body, answers in zip(bodies, results, strict=True):
        created = Counter(answer.json().get("created_listings") for answer in answers)
        sightings = Sighting.objects.filter(scraper_job_id=body["job_id"]).count()
        verdicts.append(
            wrong(
                (sightings <= 5, f"doubled: {sightings} sightings of 5 items"),
                ({answer.status_code for answer in answers} == {202}, "not all were answered 202"),
                (created == {5: 1, 0: 19}, "the answers' counts are not true"),
            )
        )
    if not any(verdicts) and not one_of_each(5 * rounds):
        verdicts[-1] = "an item has not one listing, log row and event"
    return verdicts


def shared_items(rounds: int) -> Verdicts:
    """Six different jobs, which share all their items in six orders, arrive at once."""
    lots = [shuffled_jobs(6, 8) for _ in range(rounds)]
    sent = [[dumps(a_job(*lot)) for lot in each] for each in lots]
    results = rounds_at_once(6, rounds, lambda each, number: post(sent[each][number]))
    verdicts = []
    for each, answers in zip(lots, results, strict=True):
        created = sum(answer.json().get("created_listings", 0) for answer in answers)
        numbers = [match["listing"]["url"].split("/item/")[1].split("/")[0] for match in each[0]]
        rows = ProductListing.objects.filter(identity__in=[f"facebook:{number}" for number in numbers])
        verdicts.append(
            wrong(
                (rows.count() <= 8, f"doubled: {rows.count()} listings of 8 items"),
                ({answer.status_code for answer in answers} == {202}, "not all were answered 202"),
                (created == 8, f"{created} of 8 were counted as created"),
            )
        )
    if not any(verdicts) and not one_of_each(8 * rounds):
        verdicts[-1] = "an item has not one listing, log row and event"
    return verdicts


def sold_against_sold(rounds: int) -> Verdicts:
    """Two orders for one camera arrive at once, each of them twice."""
    ids = brought(rounds, State.LISTED)

    def tell(each: int, number: int) -> Any:
        listing = ProductListing(pk=ids[each])
        return teller(Client())(sale(listing, listing_id=..., order_id=f"{each}-{number % 2}")).status_code

    def judge(pk: Any, answers: list[Any]) -> str:
        listing = ProductListing.objects.get(pk=pk)
        sales = LedgerLine.objects.filter(listing=listing, kind="sale").count()
        kept = InboxMessage.objects.filter(subject=pk, status=InboxMessage.Status.CONFLICT).count()
        arrows = listing.history.filter(to_state="SOLD").count()
        return wrong(
            (sales <= 1 and arrows <= 1, f"doubled: sold {max(sales, arrows)} times"),
            (sales == arrows == 1, "lost: not sold"),
            (answers[::2] in ([200] * 2, [409] * 2) and answers[0] != answers[1], f"answered {answers}"),
            (answers[0] == answers[2] and answers[1] == answers[3], f"answered {answers}"),
            (kept == 2, f"lost: {kept} calls of the second order were kept for staff, not 2"),
            story=lambda: coherent(listing),
        )

    return [judge(*each) for each in zip(ids, rounds_at_once(4, rounds, tell), strict=True)]


def two_staff(rounds: int) -> Verdicts:
    """Ann receives the camera while Ben cancels it, by the API."""
    ids = brought(rounds, State.PURCHASED)
    people = [token(staff(name, group="Operators")) for name in ("ann", "ben")]

    def move(each: int, number: int) -> Any:
        path, to = f"/admin/listings/{ids[each]}/transition", ("RECEIVED", "CANCELLED")[number]
        answer = Client().post(
            path, {"to_state": to}, content_type="application/json", headers=people[number]
        )
        return answer.status_code

    def judge(pk: Any, answers: list[Any]) -> str:
        listing = ProductListing.objects.get(pk=pk)
        winner = ("RECEIVED", "CANCELLED")[answers.index(200)] if 200 in answers else ""
        return wrong(
            (answers.count(200) <= 1, "doubled: both won"),
            (sorted(map(str, answers)) == ["200", "422"], f"answered {answers}"),
            (listing.state == winner, f"it is {listing.state}, but {winner} was answered"),
            story=lambda: one_story(listing),
        )

    return [judge(*each) for each in zip(ids, rounds_at_once(2, rounds, move), strict=True)]


def photo_against_photo(rounds: int) -> Verdicts:
    """Two upload the camera's first photo at once."""
    ids = brought(rounds, State.PURCHASED)
    headers, content = token(staff("ann", group="Operators")), a_file()

    def upload(each: int, number: int) -> Any:
        files = {"photos": [SimpleUploadedFile("a.jpg", content, "image/jpeg")]}
        return Client().post(f"/admin/listings/{ids[each]}/photos", files, headers=headers).status_code

    def judge(pk: Any, answers: list[Any]) -> str:
        listing = ProductListing.objects.get(pk=pk)
        places = sorted(Photo.objects.filter(listing=pk).values_list("position", flat=True))
        received = listing.history.filter(to_state="RECEIVED").count()
        return wrong(
            (received <= 1, f"doubled: received {received} times"),
            (len(set(places)) == len(places), "doubled: one place was given twice"),
            (answers == [201, 201], f"answered {answers}"),
            (places == [1, 2] and received == 1, f"photos at {places}, received {received} times"),
            story=lambda: one_story(listing),
        )

    return [judge(*each) for each in zip(ids, rounds_at_once(2, rounds, upload), strict=True)]


LOCK, GUARDS = unprotected.without_the_row_lock, unprotected.without_lock_and_guards
# By the names that tests.faults.races has for them.
CONTESTS: dict[str, Contest] = {
    "arrow": Contest(same_arrow, GUARDS),
    "sweep": Contest(sweep_against_callback, LOCK),
    "job": Contest(same_job, unprotected.without_the_jobs_lock),
    "items": Contest(shared_items, unprotected.without_one_row_an_item),
    "sold": Contest(sold_against_sold, GUARDS),
    "staff": Contest(two_staff, GUARDS),
    "photo": Contest(photo_against_photo, GUARDS),
}


def hold(contest: Contest, rounds: int, *, protected: bool = True) -> tuple[Verdicts, dict[str, int]]:
    """Run a race on an empty database; return a verdict on each round, and what the product's audit finds."""
    keys = {"scraper": [SCRAPER_KEY], "chatterbot": [CHATTERBOT_KEY], "ebay": [EBAY_KEY]}
    unprotected.empty()
    with (
        override_settings(WEBHOOK_KEYS=keys, RABBITMQ_URL="", TELEGRAM_BOT_TOKEN=""),
        mock.patch("integrations.nudges.wake"),
        nullcontext() if protected else contest.taken_away(),
    ):
        return contest.run(rounds), audit.run().broken
