"""The home page, the sidebar, signing in, and the models of others in our theme."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from rest_framework.authtoken.models import Token

from integrations.models import Channel, InboxMessage, OutboxMessage, Pulse
from integrations.tasks import process_inbox
from listings.models import ProductListing
from scraping import jobs
from scraping.models import ScrapeJob
from tests.backoffice.pages import LISTS, queries
from tests.factories import make_listing, staff

pytestmark = pytest.mark.django_db


def numbers(response: Any) -> dict[str, int]:
    """Return the states' counts."""
    return {each["label"]: each["count"] for each in response.context["states"]}


def test_every_number_is_real_and_links_to_the_list_that_it_counts(operator: Client) -> None:
    for state in ("FOUND", "FOUND", "MESSAGING", "SOLD"):
        make_listing(state)
    broken, ending = ProductListing.objects.filter(state="FOUND")[0], make_listing("NEGOTIATING")
    now = timezone.now()
    ProductListing.objects.filter(pk=broken.pk).update(error_message="x", error_occurred_at=now)
    ProductListing.objects.filter(pk=ending.pk).update(deadline_at=now + timedelta(hours=2))
    OutboxMessage.objects.filter(channel="chatterbot").update(given_up_at=now)
    InboxMessage.objects.create(partner="chatterbot", kind="deal-failed", body=b"{}", status="conflict")
    for status in ("failed", "lost", "completed"):
        job = jobs.trigger(brands=["Sony"], search="x", by="user:ann")
        ScrapeJob.objects.filter(pk=job.pk).update(status=status, completed_at=now)
    response = operator.get("/staff/")
    counted = numbers(response)
    assert (counted["Found"], counted["Messaging"], counted["Negotiating"], counted["Sold"]) == (2, 1, 1, 1)
    for each in response.context["states"]:
        assert len(operator.get(each["url"]).context["cl"].result_list) == each["count"]
    groups = {group.words: group for group in response.context["groups"]}
    assert {words: group.count for words, group in groups.items()} == {
        "In conflict": 1,
        "With an error": 1,
        "Cancelled by themselves within 24 hours": 1,
        "Jobs failed or lost": 2,
    }
    for group in groups.values():
        assert len(operator.get(group.url).context["cl"].result_list) == group.count
    assert response.context["things"] == 5
    assert "5 things need you" in response.content.decode()


def test_each_need_is_settled_where_it_stands(operator: Client) -> None:
    """Every form of the rows is posted as it is, and leads back to the home page, where its row is gone."""
    ending, broken = make_listing("NEGOTIATING"), make_listing("MESSAGING")
    now = timezone.now()
    ProductListing.objects.filter(pk=ending.pk).update(deadline_at=now + timedelta(hours=2))
    ProductListing.objects.filter(pk=broken.pk).update(error_message="x", error_occurred_at=now)
    OutboxMessage.objects.filter(key=str(broken.pk), channel="chatterbot").update(
        attempts=10, given_up_at=now
    )
    job = jobs.trigger(brands=["Sony"], search="x", by="user:ann")
    ScrapeJob.objects.filter(pk=job.pk).update(status="failed", completed_at=now)

    groups = operator.get("/staff/").context["groups"]
    for act in [act for group in groups for need in group.needs for act in need.acts]:
        answer = operator.post(act.url, {**act.fields, "back": "now"})
        assert answer["Location"] == "/staff/", act

    assert ProductListing.objects.get(pk=ending.pk).deadline_at > now + timedelta(days=1)
    assert OutboxMessage.objects.get(key=str(broken.pk), channel="chatterbot").given_up_at is None
    assert ScrapeJob.objects.get(pk=job.pk).replaced_by_id is not None
    assert {group.words for group in operator.get("/staff/").context["groups"]} <= {"With an error"}


def test_a_viewer_sees_what_waits_and_has_no_buttons(viewer: Client) -> None:
    listing = make_listing("MESSAGING")
    ProductListing.objects.filter(pk=listing.pk).update(error_message="x", error_occurred_at=timezone.now())
    answer = viewer.get("/staff/")
    assert [need.acts for group in answer.context["groups"] for need in group.needs] == [[]]
    assert "You can look. Operators can act." in answer.content.decode()


def test_the_parts_that_change_are_served_by_themselves(viewer: Client) -> None:
    make_listing()
    html = viewer.get("/staff/now/").content.decode()
    parts = re.findall(r'data-part="(\w+)"', html)
    assert parts == ["needs", "pipeline", "outreach", "money", "partners"]
    assert "<html" not in html
    assert Client().get("/staff/now/").status_code == 302


def test_money_and_profits_are_those_of_the_rows(viewer: Client) -> None:
    make_listing("PURCHASED")
    make_listing("LISTED")
    make_listing("SOLD")
    shown = viewer.get("/staff/").context["money"]
    assert (str(shown["total"]), str(shown["stock"])) == ("350.00", "350.00")
    for earned in shown["earned"]:
        # 500.00 less 350.00, 60.00 and 10.00; expected 100.00 less 12.8 % of 500.00 and 8.50
        assert (earned.sales, str(earned.realised), str(earned.expected)) == (1, "80.00", "27.50")


def test_channels_and_what_waits_on_them(viewer: Client) -> None:
    make_listing("MESSAGING")
    until = timezone.now() + timedelta(minutes=1)
    Channel.objects.create(name="chatterbot", failures=9, closed_until=until, last_error="503 <b>")
    response = viewer.get("/staff/")
    waiting = {each["name"]: each["waiting"] for each in response.context["channels"]}
    assert (waiting["events"], waiting["chatterbot"], waiting["telegram"]) == (2, 1, 0)
    html = response.content.decode()
    assert "held back until" in html
    assert "503 &lt;b&gt;" in html
    assert "No broker is configured" in html


def test_a_worker_that_stands_still_is_seen(viewer: Client) -> None:
    assert "no sign of life yet" in viewer.get("/staff/").content.decode()
    process_inbox()
    assert "alive under a minute ago" in viewer.get("/staff/").content.decode()
    Pulse.objects.update(beaten_at=timezone.now() - timedelta(minutes=5))
    assert "no sign of life for 5 minutes" in viewer.get("/staff/").content.decode()


def test_an_empty_product_says_what_to_do(operator: Client, viewer: Client) -> None:
    assert "Run a scrape to find cameras." in operator.get("/staff/").content.decode()
    assert "An operator can run a scrape" in viewer.get("/staff/").content.decode()
    make_listing()
    assert "Nothing needs you" in viewer.get("/staff/").content.decode()


def test_home_costs_the_same_whatever_there_is(operator: Client) -> None:
    make_listing("MESSAGING")
    few = queries(operator, "/staff/")
    for _ in range(6):
        make_listing("MESSAGING")
    assert queries(operator, "/staff/") == few
    assert few <= 45


def test_the_sidebar_counts_what_needs_a_person(operator: Client) -> None:
    InboxMessage.objects.create(partner="chatterbot", kind="deal-failed", body=b"{}", status="conflict")
    html = operator.get("/staff/listings/productlisting/").content.decode()
    side = html.partition('id="nav-sidebar"')[2].partition('id="main"')[0]
    assert re.search(r"Inbox</span>.*?>\s*1\s*</span>", side, re.DOTALL)
    for url in LISTS:
        assert f'href="{url}"' in side
    assert "/staff/auth/user/" not in side


def test_nothing_comes_from_another_host(operator: Client) -> None:
    listing = make_listing()
    urls = ("/staff/", *LISTS, f"/staff/listings/productlisting/{listing.pk}/change/", "/staff/login/")
    for url in urls:
        html = (Client() if "login" in url else operator).get(url).content.decode()
        assert re.findall(r'(?:src|<link[^>]+href)="(?:https?:)?//', html) == [], url


def test_both_spellings_of_home_answer(operator: Client) -> None:
    assert operator.get("/staff", follow=True).status_code == 200
    assert operator.get("/staff/").status_code == 200


def test_signing_in_leads_home(client: Client) -> None:
    staff("ann", group="Operators")
    given = {"username": "ann", "password": "a-long-enough-password"}
    response = client.post("/staff/login/", given)
    assert response["Location"] == "/staff/"


def test_people_groups_and_tokens(client: Client) -> None:
    boss = User.objects.create_superuser("boss", password="a-long-enough-password")
    client.force_login(boss)
    for path in (
        "auth/user/",
        "auth/user/add/",
        f"auth/user/{boss.pk}/change/",
        f"auth/user/{boss.pk}/password/",
    ):
        assert client.get(f"/staff/{path}").status_code == 200
    for path in ("auth/group/", "auth/group/1/change/", "authtoken/tokenproxy/", "authtoken/tokenproxy/add/"):
        assert client.get(f"/staff/{path}").status_code == 200


def test_a_key_is_shown_once(client: Client) -> None:
    boss = User.objects.create_superuser("boss", password="a-long-enough-password")
    client.force_login(boss)
    response = client.post("/staff/authtoken/tokenproxy/add/", {"user": boss.pk}, follow=True)
    key = Token.objects.get().key
    assert key in response.content.decode()
    assert key not in client.get("/staff/authtoken/tokenproxy/").content.decode()


def test_operators_manage_no_people(operator: Client) -> None:
    for path in ("auth/user/", "auth/user/add/", "auth/group/", "authtoken/tokenproxy/"):
        assert operator.get(f"/staff/{path}").status_code == 403
