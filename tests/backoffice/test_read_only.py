"""No way round the doors: whatever is posted where, by whomever."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from integrations.models import Channel, InboxMessage, OutboxMessage
from listings.models import ProductListing, TransitionLog
from scraping.models import ScrapeJob
from tests.backoffice.pages import (
    CHANNELS,
    INBOX,
    JOBS,
    LISTINGS,
    LISTS,
    LOG,
    OUTBOX,
    nothing_written,
    queries,
)
from tests.factories import make_listing

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(db: None) -> Client:
    """A signed-in superuser."""
    client = Client()
    client.force_login(User.objects.create_superuser("boss", password="a-long-enough-password"))
    return client


@pytest.fixture
def rows(db: None) -> dict[str, Any]:
    """One row of each kind, by the address of its list."""
    listing = make_listing("MESSAGING")
    return {
        LISTINGS: listing.pk,
        LOG: TransitionLog.objects.latest("id").pk,
        OUTBOX: OutboxMessage.objects.latest("id").pk,
        JOBS: ScrapeJob.objects.latest("id").pk,
        INBOX: InboxMessage.objects.create(partner="scraper", kind="job-complete", body=b"{}").pk,
        CHANNELS: Channel.objects.create(name="chatterbot").pk,
    }


CRAFTED = {
    "state": "SOLD",
    "status": "completed",
    "to_state": "SOLD",
    "delivered_at": "",
    "title": "x",
    "final_profit": "1000",
    "_save": "Save",
    "_continue": "1",
    "_saveasnew": "1",
    "_fsm_transition_to": "sell",
    "post": "yes",
}


@pytest.mark.parametrize("url", LISTS)
@pytest.mark.parametrize("path", ["change", "delete"])
def test_a_row_is_neither_changed_nor_deleted(
    boss: Client, rows: dict[str, Any], url: str, path: str
) -> None:
    with nothing_written():
        assert boss.post(f"{url}{rows[url]}/{path}/", CRAFTED).status_code == 403
    if path == "delete":
        assert boss.get(f"{url}{rows[url]}/delete/").status_code == 403


@pytest.mark.parametrize("url", LISTS)
def test_a_row_is_not_added(boss: Client, rows: dict[str, Any], url: str) -> None:
    with nothing_written():
        assert boss.post(f"{url}add/", CRAFTED).status_code == 403
        assert boss.get(f"{url}add/").status_code == 403


@pytest.mark.parametrize("url", LISTS)
def test_a_list_saves_and_deletes_nothing(boss: Client, rows: dict[str, Any], url: str) -> None:
    key = str(rows[url])
    editable = {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": key, "form-0-state": "SOLD"}
    with nothing_written():
        boss.post(url, {**CRAFTED, **editable, "_selected_action": [key]})
        boss.post(url, {"action": "delete_selected", "_selected_action": [key], "index": "0", "post": "yes"})


@pytest.mark.parametrize("url", LISTS)
def test_the_history_of_the_framework_leads_to_ours(boss: Client, rows: dict[str, Any], url: str) -> None:
    response = boss.post(f"{url}{rows[url]}/history/", CRAFTED)
    assert response["Location"] == f"{url}{rows[url]}/change/"


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_change_nothing(boss: Client, rows: dict[str, Any], method: str) -> None:
    with nothing_written():
        response = getattr(boss, method)(f"{LISTINGS}{rows[LISTINGS]}/change/", CRAFTED)
    assert response.status_code == 403


@pytest.mark.parametrize("url", LISTS)
def test_viewers_see_every_list_and_page_and_post_nothing(
    viewer: Client, rows: dict[str, Any], url: str
) -> None:
    assert viewer.get(url).status_code == 200
    response = viewer.get(f"{url}{rows[url]}/change/")
    assert response.status_code == 200
    body = response.content.decode().partition('id="content"')[2]
    assert '<form method="post"' not in body
    with nothing_written():
        assert (
            viewer.post(url, {"action": "x", "_selected_action": [str(rows[url])], "index": "0"}).status_code
            == 403
        )
        assert viewer.post(f"{url}{rows[url]}/change/", CRAFTED).status_code == 403


@pytest.mark.parametrize("url", LISTS)
def test_staff_without_a_permission_see_nothing(client: Client, rows: dict[str, Any], url: str) -> None:
    client.force_login(User.objects.create_user("nobody", password="x", is_staff=True))
    assert client.get(url).status_code == 403
    assert client.get(f"{url}{rows[url]}/change/").status_code == 403
    home = client.get("/staff/")
    assert home.status_code == 200
    assert url not in home.content.decode()


@pytest.mark.parametrize("url", LISTS)
def test_users_who_are_no_staff_are_sent_away(client: Client, rows: dict[str, Any], url: str) -> None:
    client.force_login(User.objects.create_user("ghost", password="x", is_superuser=True))
    assert client.get(f"{url}{rows[url]}/change/").status_code == 302
    assert client.post(f"{url}{rows[url]}/change/").status_code == 302


@pytest.mark.parametrize("url", LISTS)
@pytest.mark.parametrize("key", ["0", "x", "9" * 40, "01890a5d-ac96-774b-bcce-b302099a8057", "_3Cb_3E"])
def test_a_row_that_is_not_there_leads_home(boss: Client, url: str, key: str) -> None:
    assert boss.get(f"{url}{key}/change/").status_code == 302


@pytest.mark.parametrize("url", LISTS)
def test_every_list_costs_the_same_whatever_it_holds(boss: Client, url: str) -> None:
    def more(count: int) -> None:
        for _ in range(count):
            make_listing("MESSAGING")
            InboxMessage.objects.create(partner="scraper", kind="job-complete", body=b"{}")

    Channel.objects.create(name="chatterbot")
    more(2)
    few = queries(boss, url)
    more(8)
    assert queries(boss, url) == few


def test_the_theme_s_search_is_off(boss: Client) -> None:
    assert boss.get("/staff/search/?s=a&page=x").status_code == 404


def test_no_row_was_harmed(boss: Client, rows: dict[str, Any]) -> None:
    """The superuser has every permission, and still no form to edit with."""
    html = boss.get(f"{LISTINGS}{rows[LISTINGS]}/change/").content.decode()
    assert 'name="_save"' not in html
    assert 'name="state"' not in html
    assert ProductListing.objects.get().state == "MESSAGING"
