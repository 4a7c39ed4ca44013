"""Every key is changed under load, by two reloads of the live web server, and no call fails.

First the new key beside the old one, then the new one alone; the callers change over in between. SECRET_KEY comes as a
fallback first: while workers change, one that signs with the new key stands beside one that must believe it. The web
server reads its keys from ENV_FILE, and takes them up at SIGHUP, worker after worker, while its socket stays open.
"""

import base64
import itertools
import os
import re
import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import requests
import standardwebhooks
from django.core.management import call_command
from django.test import Client, override_settings

from listings.models import Photo
from listings.photos import addresses
from tests.aetos.processes import Web, wait_for
from tests.factories import a_job, dumps, make_listing, staff, token

pytestmark = pytest.mark.django_db(transaction=True)

MOST_CALLS = 30_000
PATIENCE = 150  # calls wait while workers change, on a busy machine for long: what counts is that none fails
ROTATED = (
    "SCRAPER_WEBHOOK_KEY",
    "CHATTERBOT_WEBHOOK_KEY",
    "EBAY_WEBHOOK_SECRET",
    "TELEGRAM_WEBHOOK_SECRET",
    "METRICS_KEY",
)
OLD, NEW = "old", "new"


def key(name: str, age: str) -> str:
    """Return a key of that age."""
    text = f"{age}-{name.lower().replace('_', '-')}-{'k' * 16}"
    return (
        "whsec_" + base64.b64encode(text.encode()).decode()
        if name.endswith("WEBHOOK_SECRET") and name.startswith("EBAY")
        else text
    )


class Callers:
    """All who call us, each in a thread of its own, one call after the other, until told to stop."""

    def __init__(self, web: Web, photo: Photo) -> None:
        self.web, self.age, self.failed, self.done = web, OLD, [], itertools.count()
        self._stop = threading.Event()
        with override_settings(SECRET_KEY=key("SECRET_KEY", OLD)):
            ann = staff("ann", group="Operators")
            client = Client()
            client.force_login(ann)
            self._browser = requests.Session()
            self._browser.cookies.set("sessionid", client.cookies["sessionid"].value)
            self._browser.headers["Connection"] = "close"
            signer = addresses.Signer(salt="listings.photos")
            path = addresses.staff_url(photo)
            until = int((datetime.now(UTC) + timedelta(hours=1)).timestamp())
            self._photo = f"{path}?until={until}&signature={signer.signature(f'{path}:{until}')}"
        self._token = token(ann)
        calls = self._calls()
        self.shown = [OLD] * len(calls)  # the age of the key in each caller's last call that has ended
        self._threads = [threading.Thread(target=self._call, args=each) for each in enumerate(calls)]

    def _calls(self) -> list[Callable[[], requests.Response]]:
        hook = f"{self.web.url}/webhooks"
        about = {"listing_id": str(uuid.uuid4())}
        return [
            lambda: self._post(f"{hook}/scraper/job-complete", a_job(), "X-API-Key", "SCRAPER_WEBHOOK_KEY"),
            lambda: self._post(
                f"{hook}/chatterbot/message-sent", about, "X-API-Key", "CHATTERBOT_WEBHOOK_KEY"
            ),
            lambda: self._post(
                f"{hook}/telegram",
                {"update_id": 1},
                "X-Telegram-Bot-Api-Secret-Token",
                "TELEGRAM_WEBHOOK_SECRET",
            ),
            self._sign,
            lambda: self._get("/metrics", {"Authorization": f"Bearer {key('METRICS_KEY', self.age)}"}),
            lambda: self._browser.get(
                f"{self.web.url}/admin/listings?limit=1", timeout=PATIENCE, allow_redirects=False
            ),
            lambda: self._get(self._photo, {}),
            lambda: self._get("/admin/listings", {"Authorization": self._token["authorization"]}),
        ]

    def _post(self, url: str, body: Any, header: str, name: str) -> requests.Response:
        return requests.post(
            url, json=body, headers={header: key(name, self.age)}, timeout=PATIENCE, allow_redirects=False
        )

    def _sign(self) -> requests.Response:
        body, at, number = (
            dumps({"listing_id": "110", "sold_price": "5.00"}),
            datetime.now(UTC),
            str(uuid.uuid4()),
        )
        signed = standardwebhooks.Webhook(key("EBAY_WEBHOOK_SECRET", self.age)).sign(
            number, at, body.decode()
        )
        headers = {
            "webhook-id": number,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signed,
            "Content-Type": "application/json",
        }
        return requests.post(
            f"{self.web.url}/webhooks/ebay/item-sold", body, headers=headers, timeout=PATIENCE
        )

    def _get(self, path: str, headers: dict[str, str], **options: Any) -> requests.Response:
        return requests.get(
            f"{self.web.url}{path}", headers=headers, timeout=PATIENCE, allow_redirects=False, **options
        )

    def change_over(self) -> None:
        """Show the new keys, and wait until no call with an old one is under way."""
        self.age = NEW
        wait_for(lambda: set(self.shown) == {NEW}, "the change of all callers", seconds=PATIENCE)

    def _call(self, number: int, call: Callable[[], requests.Response]) -> None:
        while not self._stop.wait(0.02) and next(self.done) < MOST_CALLS:
            age = self.age
            try:
                answer = call()
                if not 200 <= answer.status_code < 300:
                    self.failed.append(f"{answer.request.method} {answer.url}: {answer.status_code}")
            except requests.RequestException as error:
                self.failed.append(type(error).__name__)
            self.shown[number] = age

    def __enter__(self) -> "Callers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(2 * PATIENCE)
        self._browser.close()


class Keys:
    """The file that the web server reads its keys from."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def write(self, *ages: str) -> None:
        """Write the keys of these ages; the first SECRET_KEY signs, the other one is believed."""
        lines = [f"{name}={','.join(key(name, age) for age in ages)}" for name in ROTATED]
        lines.append(f"SECRET_KEY={key('SECRET_KEY', ages[0])}")
        others = [] if ages == (OLD,) else [key("SECRET_KEY", age) for age in (OLD, NEW) if age != ages[0]]
        lines.append(f"SECRET_KEY_FALLBACKS={','.join(others)}")
        self.file.write_text("\n".join(lines) + "\n")


def reload(web: Web) -> None:
    """Let the web server read its keys anew, and wait until the workers that had the old ones are gone."""
    before = workers(web.output)
    os.kill(web.pid, signal.SIGHUP)
    wait_for(
        lambda: len(workers(web.output) - before) >= 2 and gone(web.output) >= before,
        "the reload",
    )


def workers(said: str) -> set[int]:
    """Return the workers that were started."""
    return {int(each) for each in re.findall(r"Booting worker with pid: (\d+)", said)}


def gone(said: str) -> set[int]:
    """Return the workers that ended."""
    return {int(each) for each in re.findall(r"Worker exiting \(pid: (\d+)\)", said)}


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Web, Keys, Photo]]:
    """The web server with two workers, its old keys, and a photo that was shown to eBay."""
    media = tmp_path / "web" / "media"
    media.mkdir(parents=True)
    (media / "a.jpg").write_bytes(b"a photo")
    photo = Photo.objects.create(
        listing=make_listing(),
        position=1,
        image="a.jpg",
        thumbnail="a.jpg",
        width=1,
        height=1,
        size=7,
        added_by="user:ann",
    )
    keys = Keys(tmp_path / "keys.env")
    keys.write(OLD)
    dropped = dict.fromkeys(
        [*ROTATED, "EBAY_WEBHOOK_KEY", "SECRET_KEY", "SCRAPER_WEBHOOK_SECRET", "CHATTERBOT_WEBHOOK_SECRET"],
        None,
    )
    changes: dict[str, Any] = {
        **dropped,
        "ENV_FILE": str(keys.file),
        "WEB_WORKERS": "2",
        "TELEGRAM_BOT_TOKEN": "1:token-of-the-tests",
        "TELEGRAM_CHAT_ID": "1",
    }
    with Web(tmp_path / "web", **changes) as web:
        yield web, keys, photo


def old_keys_answers(callers: Callers) -> list[int]:
    """Call once with each old key; return the statuses."""
    callers.age = OLD
    return [call().status_code for call in callers._calls()[: len(ROTATED)]]


def test_each_key_is_changed_under_load_without_a_failed_call(served: tuple[Web, Keys, Photo]) -> None:
    web, keys, photo = served
    with Callers(web, photo) as callers:
        keys.write(OLD, NEW)
        reload(web)
        callers.change_over()
        keys.write(NEW)
        reload(web)
        wait_for(lambda: next(callers.done) > 100, "a hundred calls")
    assert callers.failed == []
    assert old_keys_answers(callers) == [401] * len(ROTATED)
    # The address was signed by the old key: without the fallback it opens nothing. The session has changed over.
    keys.file.write_text(re.sub("SECRET_KEY_FALLBACKS=.*", "", keys.file.read_text()))
    reload(web)
    assert [call().status_code for call in callers._calls()[5:7]] == [200, 404]


def test_without_the_time_of_both_keys_calls_fail(served: tuple[Web, Keys, Photo]) -> None:
    web, keys, photo = served
    with Callers(web, photo) as callers:
        keys.write(NEW)
        reload(web)
        wait_for(lambda: any(each.endswith(": 401") for each in callers.failed), "a refusal")


def test_a_persons_token_is_changed_alone_and_at_once(client: Client) -> None:
    ann, ben = token(staff("ann", group="Operators")), token(staff("ben", group="Operators"))
    said = StringIO()
    call_command("drf_create_token", "-r", "ann", stdout=said)
    fresh = {"authorization": f"Token {said.getvalue().split()[2]}"}
    statuses = [client.get("/admin/listings", headers=headers).status_code for headers in (ann, fresh, ben)]
    assert statuses == [401, 200, 200]
