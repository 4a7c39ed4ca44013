"""Nobody makes this server fetch anything but the partners that its environment names: a canary on loopback listens."""

import io
import json
import socket
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from django.test import Client

from integrations import ebaylister, http, relay, telegram
from integrations.models import InboxMessage, OutboxMessage
from listings import identity
from listings.identity import BadUrl, identify
from listings.models import ProductListing
from scraping.models import InvalidMatch
from tests.factories import a_job, a_match, rows
from tests.hostile.addresses import INNER, LOOPBACK, all_of_them
from tests.integrations.partner import Partner

pytestmark = pytest.mark.django_db


@pytest.fixture
def canary() -> Iterator[Partner]:
    """Something on this machine that must never be asked."""
    with Partner() as listening:
        yield listening


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Gather every name that is looked up: a name may lead elsewhere the second time."""
    asked: list[str] = []
    original = socket.getaddrinfo

    def noted(host: Any, *args: Any, **options: Any) -> Any:
        asked.append(str(host))
        return original(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", noted)
    return asked


def port(partner: Partner) -> int:
    """Return where it listens."""
    return int(partner.url.rpartition(":")[2])


def through_the_day(client: Client, operator: Client) -> None:
    """Do with every listing what staff, partners and beat do, so that whoever would fetch has fetched."""
    for listing in ProductListing.objects.all():
        for step in ("MESSAGING", "NEGOTIATING", "PURCHASED", "RECEIVED"):
            operator.post(
                f"/admin/listings/{listing.pk}/transition",
                {"to_state": step},
                content_type="application/json",
            )
        operator.get(f"/staff/listings/productlisting/{listing.pk}/change/")
    for channel in ("chatterbot", "ebay", "telegram", "scraper"):
        relay.serve(channel)


# ---- what a job brings --------------------------------------------------------------------------


def test_every_address_of_ours_makes_its_match_invalid_and_none_is_asked(
    post_job: Callable[..., Any], client: Client, operator: Client, canary: Partner, names: list[str]
) -> None:
    addresses = all_of_them(port(canary))
    matches = [a_match(url=url) for url in addresses]
    answer = post_job(a_job(*matches, a_match(url="https://rebind.example/item/1"))).json()
    assert (answer["created_listings"], answer["invalid"]) == (1, len(addresses))
    assert InvalidMatch.objects.count() == len(addresses)
    through_the_day(client, operator)
    assert canary.calls == []
    assert names == []


@pytest.mark.parametrize("url", [*LOOPBACK, *INNER])
def test_each_is_refused_in_its_own_right(url: str) -> None:
    with pytest.raises(BadUrl):
        identify(url.replace("{port}", "8000"))


def test_the_canary_would_hear() -> None:
    """The twin: some of these spellings do lead here."""
    with Partner() as listening:
        for host in ("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost"):
            urllib.request.urlopen(f"http://{host}:{port(listening)}/", timeout=60).close()
        assert len(listening.calls) == 6


def test_without_the_check_they_would_be_listings(
    post_job: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: nothing else keeps them out."""
    monkeypatch.setattr(identity, "_host", lambda host: host)
    assert post_job(a_job(*(a_match(url=url) for url in INNER))).json()["created_listings"] > len(INNER) / 2


# ---- every other text ---------------------------------------------------------------------------


def test_an_address_in_any_text_is_a_text(
    post_job: Callable[..., Any], client: Client, operator: Client, canary: Partner, settings: Any
) -> None:
    settings.WEBHOOK_KEYS = {name: [name] for name in ("scraper", "chatterbot", "ebay")}
    url = f"{canary.url}/heard"
    html = f'<img src="{url}"><script src="{url}"></script><!ENTITY x SYSTEM "{url}">'
    match = a_match(title=html, location=url, reasons=[url], image_url=url, thumbnail=url, images=[url])
    match["product"] |= {"brand": "Sony", "model": html, "full_name": url, "image": url}
    assert post_job(a_job(match, callback_url=url), key="scraper").json()["created_listings"] == 1
    pk = str(ProductListing.objects.get().pk)
    said = {"listing_id": pk, "message": html, "conversation_thread_id": url, "seller_messenger_id": url}
    for kind, more in (("message-sent", {}), ("seller-replied", {}), ("deal-confirmed", {"agreed_price": 1})):
        _tell(client, "chatterbot", kind, said | more)
    operator.get(f"/staff/listings/productlisting/{pk}/change/")
    _tell(client, "ebay", "item-sold", {"sku": pk, "sold_price": 5, "order_id": url[:64], "photos": [url]})
    for row in InboxMessage.objects.all():
        operator.get(f"/staff/integrations/inboxmessage/{row.pk}/change/")
    assert canary.calls == []


def _tell(client: Client, partner: str, kind: str, body: Any) -> None:
    path, data = f"/webhooks/{partner}/{kind}", json.dumps(body)
    answer = client.post(path, data, content_type="application/json", headers={"x-api-key": partner})
    assert answer.status_code == 200, answer.content


# ---- what the partners answer -------------------------------------------------------------------

REDIRECTS = [301, 302, 303, 307, 308]


@pytest.mark.parametrize("status", REDIRECTS)
def test_a_partner_that_redirects_is_not_followed(canary: Partner, status: int) -> None:
    with Partner([(status, {"Location": f"{canary.url}/heard"}, b"")] * 2) as partner:
        with pytest.raises(http.PartnerError):
            http.call("Chatterbot", "POST", partner.url, "leads", headers={"X-API-Key": "ours"}, payload={})
        with pytest.raises(http.PartnerError):
            http.download("Telegram", partner.url, _nowhere(), limit=10)
    assert canary.calls == []


def test_one_that_follows_would_be_led_here(canary: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: with redirects followed, the canary hears."""
    original = requests.Session.request

    def follows(self: Any, *args: Any, **options: Any) -> Any:
        return original(self, *args, **options | {"allow_redirects": True})

    monkeypatch.setattr(requests.Session, "request", follows)
    with Partner([(307, {"Location": f"{canary.url}/heard"}, b"")]) as partner:
        http.call("Chatterbot", "POST", partner.url, "leads", headers={}, payload={})
    assert [call.path for call in canary.calls] == ["/heard"]


def test_a_proxy_in_the_environment_hears_nothing(canary: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, canary.url)
    monkeypatch.setenv("no_proxy", "")
    with Partner() as partner:
        http.call("Chatterbot", "GET", partner.url, "leads", headers={"X-API-Key": "ours"})
        assert (len(partner.calls), canary.calls) == (1, [])
        monkeypatch.setattr(http._session(), "trust_env", True)  # the twin
        http.call("Chatterbot", "GET", partner.url, "leads", headers={})
        assert (len(partner.calls), len(canary.calls)) == (1, 1)


@pytest.mark.parametrize(
    "path",
    [
        "http://127.0.0.1:{port}/heard",
        "//127.0.0.1:{port}/heard",
        "@127.0.0.1:{port}/heard",
        "../../../heard",
        "photos/../../heard",
        "photos/%2e%2e/heard",
        "photos\\..\\heard",
        "photos/a.jpg?x=//127.0.0.1:{port}",
        "photos/a.jpg#x",
        "photos/a\r\nHost: evil",
        "\x00",
        "",
        None,
        ["photos/a.jpg"],
        "photos/" + "a" * 5000,
    ],
)
def test_where_telegram_says_a_file_is(settings: Any, canary: Partner, path: Any) -> None:
    told = path.replace("{port}", str(port(canary))) if isinstance(path, str) else path
    settings.TELEGRAM_BOT_TOKEN = "1:token"
    with Partner([(200, {}, {"ok": True, "result": {"file_path": told}})]) as api:
        settings.TELEGRAM_API_URL = api.url
        with pytest.raises(http.PartnerError):
            telegram.download("file", _nowhere())
        assert len(api.calls) == 1
    assert canary.calls == []


def _nowhere() -> io.BytesIO:
    return io.BytesIO()


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "file:///x", "//evil", 5, None])
def test_where_ebaylister_says_a_listing_is(settings: Any, url: Any) -> None:
    with Partner([(201, {}, {"listing_id": "110", "offer_id": "1", "url": url})]) as api:
        settings.EBAY_API_URL = api.url
        assert ebaylister.create({"sku": "x"}, key="k").url == ""


def test_nothing_of_this_writes_to_anybody(post_job: Callable[..., Any]) -> None:
    before = rows()
    post_job(a_job(*(a_match(url=url) for url in all_of_them(1))))
    assert not OutboxMessage.objects.exclude(channel__in=("events", "telegram")).exists()
    assert rows()["ProductListing"] == before["ProductListing"]
