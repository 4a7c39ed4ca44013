"""The API describes itself: every route is in the schema, and its pages need nobody else's server."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import URLPattern, get_resolver

from tests.factories import signed_in

pytestmark = pytest.mark.django_db

# Routes that are for people, with the reason why a program has nothing to do there.
FOR_PEOPLE = {
    "": "leads a person to the back office",
    "admin": "leads a person to the back office",
    "staff": "leads a person to the back office",
    "theme.css": "holds the colours of the pages",
    "openapi.json": "is the description itself",
    "docs": "shows the description",
    "redoc": "shows the description",
}
METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
def schema(client: Client) -> dict[str, Any]:
    """The description, as anybody gets it."""
    answer = client.get("/openapi.json")
    assert answer.status_code == 200
    assert "json" in answer.headers["Content-Type"]
    return dict(answer.json())


def routes() -> Iterator[str]:
    """Give each route in the spelling of the schema, without its twin with a slash."""
    for pattern in get_resolver().url_patterns:
        if isinstance(pattern, URLPattern):
            route = str(pattern.pattern).removesuffix("/")
            yield re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)


def test_every_route_is_described_or_for_people(schema: dict[str, Any]) -> None:
    described = {path.strip("/").replace("{id}", "{pk}") for path in schema["paths"]}
    for route in set(routes()):
        if route not in FOR_PEOPLE and not route.startswith("staff/"):
            assert route in described, route


def test_nothing_is_described_that_is_not_there(schema: dict[str, Any]) -> None:
    there = set(routes())
    for path in schema["paths"]:
        assert path.strip("/").replace("{id}", "{pk}") in there, path


def test_every_route_answers_in_both_spellings() -> None:
    patterns = {str(p.pattern) for p in get_resolver().url_patterns if isinstance(p, URLPattern)}
    for route in patterns - {""}:
        twin = route.removesuffix("/") if route.endswith("/") else f"{route}/"
        resolvers = {str(p.pattern) for p in get_resolver().url_patterns}
        assert twin in resolvers, route


def test_every_operation_says_who_may_and_what_comes_back(schema: dict[str, Any]) -> None:
    operations = [
        (path, method, described)
        for path, methods in schema["paths"].items()
        for method, described in methods.items()
        if method in METHODS
    ]
    assert len({described["operationId"] for _, _, described in operations}) == len(operations)
    for path, method, described in operations:
        assert described.get("security"), (path, method)
        assert any(code.startswith("2") for code in described["responses"]), (path, method)
        if method == "post" and path.startswith("/webhooks/"):
            assert described["requestBody"], path


def test_the_references_of_the_schema_lead_somewhere(schema: dict[str, Any]) -> None:
    components = {
        f"#/components/{kind}/{name}" for kind, names in schema["components"].items() for name in names
    }
    assert set(re.findall(r'"(#/components/[^"]+)"', json.dumps(schema))) <= components


def test_an_empty_text_fits_one_schema(schema: dict[str, Any]) -> None:
    """Where it may be empty: the generator tells of the empty one once more, and `oneOf` lets it fit only one."""
    assert not re.search(r'"oneOf": \[\{[^{}]*\}, \{"type": "string", "maxLength": 0\}', json.dumps(schema))


@pytest.mark.parametrize("kind", ["ebay/item-sold", "chatterbot/message-sent"])
def test_what_a_callback_is_about_is_not_blank(schema: dict[str, Any], kind: str) -> None:
    """Nor control characters alone: they are stripped, and name nothing."""
    body = schema["paths"][f"/webhooks/{kind}"]["post"]["requestBody"]["content"]["application/json"][
        "schema"
    ]
    named = [each["properties"][each["required"][-1]]["pattern"] for each in body["anyOf"]]
    assert len(named) == 2
    for pattern in named:
        assert re.search(pattern, "1101")
        assert not re.search(pattern, "\x1c \x1c")


def hosts(html: str) -> set[str]:
    """Name the hosts that a page refers to."""
    links = re.findall(r"""(?:src|href|url)\s*[=:(]\s*["']?([^"'\s>)]+)""", html)
    return {urlsplit(link).netloc for link in links if urlsplit(link).netloc}


@pytest.mark.parametrize("path", ["/docs", "/docs/", "/redoc", "/redoc/", "/docs?script="])
def test_its_pages_need_no_other_server(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    page = answer.content.decode()
    assert hosts(page) <= {"testserver"}
    for asset in re.findall(r"""(?:src|href)=["'](/static/[^"']+)""", page):
        assert finders.find(asset.removeprefix("/static/")), asset


def test_the_browsable_api_needs_no_other_server() -> None:
    page = signed_in("vera", group="Viewers").get("/admin/listings", headers={"accept": "text/html"})
    links = hosts(page.content.decode()) - {
        "testserver",
        "www.django-rest-framework.org",
    }  # a link, nothing loaded
    assert links == set()


@pytest.mark.parametrize("path", ["/", "/admin", "/admin/", "/staff"])
def test_people_are_led_to_the_back_office(client: Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/staff/")
    assert client.post(path).status_code == 405


@pytest.mark.parametrize("path", ["/nowhere", "/admin/nowhere", "/webhooks/nobody/x", "/api", "/favicon.ico"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_what_is_not_there_is_404_in_json(client: Client, path: str, method: str) -> None:
    answer = getattr(client, method)(path)
    assert (answer.status_code, list(answer.json())) == (404, ["detail"])


def test_a_fault_of_ours_is_500_in_json_without_a_trace(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(request: Any) -> Any:
        raise ZeroDivisionError("canary")

    client.raise_request_exception = False
    monkeypatch.setattr("aetos.health._database.start", broken)
    answer = client.get("/health")
    assert (answer.status_code, list(answer.json())) == (500, ["detail"])
    assert b"canary" not in answer.content
