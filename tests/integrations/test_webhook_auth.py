"""Who may call a webhook: keys, signatures, their rotation, and what a stranger leaves behind (nothing)."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import standardwebhooks
from django.test import Client

from tests.conftest import SCRAPER_KEY
from tests.factories import a_job, a_match, dumps, rows

pytestmark = pytest.mark.django_db

PATH = "/webhooks/scraper/job-complete"
SECRET = "whsec_" + base64.b64encode(b"a secret of the tests").decode()
OTHER_SECRET = "whsec_" + base64.b64encode(b"another of the tests").decode()


def sign(
    body: bytes, *, secret: str = SECRET, late: timedelta = timedelta(), msg_id: str = "msg_1"
) -> dict[str, str]:
    at = datetime.now(UTC) + late
    signature = standardwebhooks.Webhook(secret).sign(msg_id, at, body.decode())
    return {
        "webhook-id": msg_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
    }


@pytest.fixture
def call(client: Client) -> Callable[..., Any]:
    """Post one valid job with exactly these headers."""

    def post(*, body: bytes | None = None, path: str = PATH, **headers: str) -> Any:
        data = dumps(a_job(a_match())) if body is None else body
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.post(path, data, content_type="application/json", headers=names)

    return post


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"x_api_key": ""}, 401),
        ({"x_api_key": "unknown"}, 401),
        ({"x_api_key": SCRAPER_KEY[:-1]}, 401),
        ({"x_api_key": SCRAPER_KEY.upper()}, 401),
        ({"x_api_key": "clé-inconnue-ü"}, 401),
        ({"x_api_key": "\udcff\udcfe"}, 401),
        ({"authorization": "Bearer "}, 401),
        ({"authorization": "Bearer unknown"}, 401),
        ({"authorization": "Bearer clé"}, 401),
        ({"authorization": f"Token {SCRAPER_KEY}"}, 401),
        ({"authorization": SCRAPER_KEY}, 401),
        ({"x_api_key": "chatterbots-key"}, 403),
        ({"authorization": "Bearer chatterbots-key"}, 403),
        ({"x_api_key": SCRAPER_KEY}, 202),
        ({"authorization": f"Bearer {SCRAPER_KEY}"}, 202),
        ({"authorization": f"bearer   {SCRAPER_KEY}"}, 202),
        ({"x_api_key": "unknown", "authorization": f"Bearer {SCRAPER_KEY}"}, 202),
    ],
)
def test_keys(settings: Any, call: Callable[..., Any], headers: dict[str, str], status: int) -> None:
    settings.WEBHOOK_KEYS = {"scraper": [SCRAPER_KEY], "chatterbot": ["chatterbots-key"]}
    before = rows()
    answer = call(**headers)

    assert answer.status_code == status
    if status != 202:
        assert rows() == before
        assert set(answer.json()) == {"detail"}
        assert ("WWW-Authenticate" in answer.headers) == (status == 401)


def test_several_keys_are_valid_while_one_is_rotated(settings: Any, call: Callable[..., Any]) -> None:
    settings.WEBHOOK_KEYS = {"scraper": ["old", "new"]}
    assert [call(x_api_key=key).status_code for key in ("old", "new", "older")] == [202, 202, 401]
    settings.WEBHOOK_KEYS = {"scraper": ["old", " new"]}  # as "old, new" is read
    assert call(x_api_key="new").status_code == 202
    settings.WEBHOOK_KEYS = {"scraper": ["new"]}
    assert [call(x_api_key=key).status_code for key in ("old", "new")] == [401, 202]


def test_without_a_configured_key_nobody_gets_in(settings: Any, call: Callable[..., Any]) -> None:
    settings.WEBHOOK_KEYS = {"scraper": []}
    before = rows()
    assert {call(**headers).status_code for headers in ({}, {"x_api_key": ""}, {"x_api_key": "x"})} == {401}
    assert rows() == before


@pytest.mark.parametrize("path", ["/admin/listings", "/admin/scrape/jobs", "/metrics"])
@pytest.mark.parametrize("header", ["x-api-key", "authorization"])
def test_a_partners_key_opens_nothing_else(client: Client, path: str, header: str) -> None:
    value = f"Bearer {SCRAPER_KEY}" if header == "authorization" else SCRAPER_KEY
    assert client.get(path, headers={header: value}).status_code == 401
    assert client.post("/admin/scrape/trigger", headers={header: value}).status_code == 401


@pytest.mark.parametrize("path", [PATH, PATH + "/"])
def test_both_spellings_of_the_path_answer_without_a_redirect(call: Callable[..., Any], path: str) -> None:
    assert call(path=path, x_api_key=SCRAPER_KEY).status_code == 202


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head"])
def test_only_post_is_allowed(client: Client, method: str) -> None:
    before = rows()
    answer = getattr(client, method)(PATH, headers={"x-api-key": SCRAPER_KEY})
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    assert rows() == before


# ---- a partner that signs -----------------------------------------------------------------------


@pytest.fixture
def signing(settings: Any) -> None:
    """ScraperV2 has a signing secret."""
    settings.WEBHOOK_SECRETS = {"scraper": [SECRET]}


def test_a_signed_call_needs_no_key(signing: None, call: Callable[..., Any]) -> None:
    body = dumps(a_job(a_match(title="Ünïcode 📷")))
    assert call(body=body, **sign(body)).json()["created_listings"] == 1


@pytest.mark.parametrize("secret", [SECRET, OTHER_SECRET])
def test_two_secrets_are_valid_while_one_is_rotated(
    settings: Any, call: Callable[..., Any], secret: str
) -> None:
    settings.WEBHOOK_SECRETS = {"scraper": [SECRET, OTHER_SECRET]}
    body = dumps(a_job(a_match()))
    assert call(body=body, **sign(body, secret=secret)).status_code == 202


def test_a_sender_may_send_several_signatures(signing: None, call: Callable[..., Any]) -> None:
    body = dumps(a_job(a_match()))
    headers = sign(body)
    headers["webhook-signature"] = f"v1,{base64.b64encode(b'x' * 32).decode()} {headers['webhook-signature']}"
    assert call(body=body, **headers).status_code == 202


def test_within_five_minutes_is_accepted(signing: None, call: Callable[..., Any]) -> None:
    for late in (timedelta(minutes=-4, seconds=-50), timedelta(minutes=4, seconds=50)):
        body = dumps(a_job(a_match()))
        assert call(body=body, **sign(body, late=late)).status_code == 202


def forged() -> dict[str, tuple[bytes, dict[str, str]]]:
    body = dumps(a_job(a_match()))
    good = sign(body)
    return {
        "unsigned": (body, {}),
        "unsigned, with a valid key": (body, {"x-api-key": SCRAPER_KEY}),
        "unsigned, with another partner's key": (body, {"x-api-key": "chatterbots-key"}),
        "another body": (body.replace(b"400.0", b"4.0"), good),
        "another id": (body, good | {"webhook-id": "msg_2"}),
        "another secret": (body, sign(body, secret=OTHER_SECRET)),
        "over five minutes old": (body, sign(body, late=timedelta(minutes=-5, seconds=-5))),
        "over five minutes early": (body, sign(body, late=timedelta(minutes=5, seconds=5))),
        "no timestamp": (body, {k: v for k, v in good.items() if k != "webhook-timestamp"}),
        "no id": (body, {k: v for k, v in good.items() if k != "webhook-id"}),
        **{
            f"timestamp {value}": (body, good | {"webhook-timestamp": value})
            for value in ("", "yesterday", "nan", "inf", "1e400", "-1", "9" * 30, "é")
        },
        **{
            f"signature {value!r}": (body, good | {"webhook-signature": value})
            for value in ("", "v1", "v1,", "v1,é", "v1,,", "v2,abcd", "v1,####", "x" * 5000)
        },
        "not UTF-8": (b"\xff\xfe", good),
    }


@pytest.mark.parametrize("name", list(forged()))
def test_a_forged_call_is_refused_and_leaves_nothing(
    settings: Any, signing: None, call: Callable[..., Any], name: str
) -> None:
    settings.WEBHOOK_KEYS = {"scraper": [SCRAPER_KEY], "chatterbot": ["chatterbots-key"]}
    body, headers = forged()[name]
    before = rows()
    assert call(body=body, **headers).status_code == 401
    assert rows() == before
