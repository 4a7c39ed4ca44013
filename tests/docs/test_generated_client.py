"""What /openapi.json says is enough for a program to be generated from it, and the program works."""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from listings.models import ProductListing
from tests.factories import make_listing, staff, token


@pytest.fixture
def generated(live_server: LiveServer, client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A client generated from the served schema: the name of its package."""
    schema = tmp_path / "openapi.json"
    schema.write_bytes(client.get("/openapi.json").content)
    target = tmp_path / "aetos_client"
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"]
    done = subprocess.run(
        [*command, "--path", str(schema), "--output-path", str(target)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    monkeypatch.syspath_prepend(tmp_path)
    return target.name


@pytest.mark.django_db(transaction=True)
def test_a_generated_client_finds_a_listing_and_moves_it(generated: str, live_server: LiveServer) -> None:
    def part(name: str) -> Any:
        return importlib.import_module(f"{generated}.{name}")

    listing = make_listing()
    key = token(staff("ben", group="Operators"))["authorization"].removeprefix("Token ")
    client = part("client").AuthenticatedClient(base_url=live_server.url, token=key, prefix="Token")
    with client:
        found = part("models.admin_listings_list_state").AdminListingsListState.FOUND
        page = part("api.admin.admin_listings_list").sync(client=client, brand="sony", state=found)
        assert (page.total, page.listings[0].id, page.listings[0].asking_price) == (1, listing.pk, "400.00")
        to = part("models.state_enum").StateEnum.MESSAGING
        body = part("models.transition_request").TransitionRequest(to_state=to, reason="A bargain")
        moved = part("api.admin.admin_listings_transition_create").sync(listing.pk, client=client, body=body)
        assert moved.state == "MESSAGING"
        told = part("api.admin.admin_listings_history_retrieve").sync(listing.pk, client=client)
    assert told.to_dict()["history"][1]["metadata"] == {"reason": "A bargain"}
    assert ProductListing.objects.get().state == "MESSAGING"
