"""The table of who may do what: every route, every method, everybody who may knock, and the answer.

The routes come from the URL resolver; what each takes comes from tests/access/acts.py, and what the groups hold from
aetos/groups.py.
"""

import re
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, get_resolver, resolve

from aetos import groups
from tests.access.acts import ACTS, LISTING, Act

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
OTHERS = ("PUT", "PATCH", "DELETE")
STAFF = ("viewer", "operator", "superuser")
NOBODY = ("anonymous", "inactive", "deleted token")
PARTNERS = settings.WEBHOOK_PARTNERS
PRINCIPALS = (*NOBODY, "not staff", *STAFF, *PARTNERS, "telegram", "metrics")
YES, NOTHING, LOGIN = "yes", "–", "login"
# What an address has as a number; all else is a UUID.
NUMBERS = (
    "line",
    "log",
    "rule",
    "job",
    "match",
    "plan",
    "run",
    "lost",
    "conflict",
    "person",
    "group",
    "attempt",
)
# Not there for any permission: `admin:` routes that the framework has, and we have shut.
SHUT = "nobody"

PUBLIC = {"root", "admin-root", "staff", "colours", "openapi", "docs", "redoc", "health", "health-live"}
# Pages of whoever is staff: what is on them asks for its own (test_permissions.py).
OPEN = {
    "now": "/staff/now",
    "second-step": "/staff/second-step",
    "admin:index": "/staff/",
    "admin:app_list": "/staff/listings/",
    "admin:password_change": "/staff/password_change/",
    "admin:password_change_done": "/staff/password_change/done/",
    "admin:jsi18n": "/staff/jsi18n/",
}
# They are there, and lead nowhere.
EMPTY = {
    "admin:view_on_site": "/staff/r/1/1/",
    "admin:autocomplete": "/staff/autocomplete/",
    "admin:search": "/staff/search/",
    "staff/(?P<url>.*)$": "/staff/nowhere",
}


class NotInTheTable(Exception):
    """A route that nobody has decided about."""


@dataclass(frozen=True)
class Row:
    """One way to knock, and what everybody hears."""

    method: str
    route: str
    act: Act
    cells: dict[str, str] = field(hash=False)

    @property
    def words(self) -> str:
        """What is asked, for a person."""
        told = [str(self.act.data[name]) for name in ("do", "action", "kind") if name in self.act.data]
        return f"{self.route} ({', '.join(told)})" if told and self.method == "POST" else self.route


def routes(patterns: Any = None, before: str = "", space: str = "") -> Iterator[tuple[str, str, Any]]:
    """Give pattern, name and view of every route, without the other spelling of each."""
    for each in get_resolver().url_patterns if patterns is None else patterns:
        pattern = before + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from routes(each.url_patterns, pattern, f"{each.namespace}:" if each.namespace else space)
        elif isinstance(each, URLPattern) and not (each.name or "").endswith("-slash"):
            yield pattern, space + each.name if each.name else pattern, each.callback


def route_of(url: str) -> str:
    """Name the route that an act's address leads to."""
    example: dict[str, Any] = defaultdict(lambda: uuid.UUID(int=0), dict.fromkeys(NUMBERS, 1))
    return resolve(url.partition("?")[0].format_map(example)).view_name.removesuffix("-slash")


def table() -> list[Row]:
    """Return every row.

    Raises:
        NotInTheTable: a route is new, and nobody has said who may.
    """
    acts = defaultdict(list)
    for act in ACTS:
        acts[route_of(act.url)].append(act)
    return [row for pattern, name, view in routes() for row in _rows(pattern, name, view, acts[name])]


def _rows(pattern: str, name: str, view: Any, acts: list[Act]) -> Iterator[Row]:
    if pattern.startswith("webhooks/"):
        yield from _webhook(pattern)
    elif pattern.startswith("admin/") and acts:
        yield from _api(pattern, view, acts)
    elif name in PUBLIC:
        yield from _public(pattern)
    elif name in ("photo", "photo-thumbnail"):
        yield from _photo(pattern)
    elif name == "metrics":
        yield from _metrics(pattern)
    elif name == "admin:login":
        yield _row("GET", pattern, "/staff/login/", dict.fromkeys(PRINCIPALS, YES))
    elif name == "admin:logout":
        yield _row("POST", pattern, "/staff/logout/", dict.fromkeys(PRINCIPALS, YES))
    else:
        yield from _staff_page(pattern, name, acts)


def _row(method: str, pattern: str, url: str | Act, cells: dict[str, str]) -> Row:
    act = url if isinstance(url, Act) else Act(method.lower(), url, ())
    return Row(method, f"/{pattern}", act, cells)


def _others(pattern: str, url: str, used: set[str], cells: dict[str, str]) -> Iterator[Row]:
    for method in METHODS:
        if method not in used:
            yield _row(method, pattern, url, cells)


# ---- programs -----------------------------------------------------------------------------------


def _api(pattern: str, view: Any, acts: list[Act]) -> Iterator[Row]:
    """A token of staff opens it, as far as the permissions go; a method that is not there is 405 for all staff."""
    outside = dict.fromkeys(PRINCIPALS, "401") | {"not staff": "403"}
    for act in acts:
        yield _row(act.method.upper(), pattern, act, outside | _staff(act.needs))
    there = {method.upper() for method in view.actions if method != "head"}
    if missing := there - {act.method.upper() for act in acts}:
        raise NotInTheTable(f"{sorted(missing)} of /{pattern}: say in tests/access/acts.py what they take.")
    yield from _others(pattern, acts[0].url, there, outside | dict.fromkeys(STAFF, "405"))


def _webhook(pattern: str) -> Iterator[Row]:
    """A partner's key opens its own webhooks; another partner's is known, and refused."""
    owner = pattern.split("/")[1]
    cells = dict.fromkeys(PRINCIPALS, "401")
    if owner in PARTNERS:
        cells |= dict.fromkeys(PARTNERS, "403")
    yield _row("POST", pattern, f"/{pattern}", {**cells, owner: YES})
    yield from _others(pattern, f"/{pattern}", {"POST"}, dict.fromkeys(PRINCIPALS, "405"))


def _metrics(pattern: str) -> Iterator[Row]:
    cells = dict.fromkeys(PRINCIPALS, "401") | {"not staff": "403"}
    yield _row("GET", pattern, "/metrics", cells | dict.fromkeys((*STAFF, "metrics"), YES))
    yield from _others(pattern, "/metrics", {"GET"}, cells | dict.fromkeys((*STAFF, "metrics"), "405"))


def _public(pattern: str) -> Iterator[Row]:
    yield _row("GET", pattern, f"/{pattern}", dict.fromkeys(PRINCIPALS, YES))
    yield from _others(pattern, f"/{pattern}", {"GET"}, dict.fromkeys(PRINCIPALS, "405"))


def _photo(pattern: str) -> Iterator[Row]:
    url = "/" + pattern.replace("<uuid:pk>", "{photo}")
    yield _row("GET", pattern, url, dict.fromkeys(PRINCIPALS, "404") | _staff((LISTING,)))
    yield from _others(pattern, url, {"GET"}, dict.fromkeys(PRINCIPALS, "405"))


# ---- pages --------------------------------------------------------------------------------------


def _staff_page(pattern: str, name: str, acts: list[Act]) -> Iterator[Row]:
    """Outsiders are led to the sign-in; staff get what their permissions open, and nothing by any other method."""
    outside = dict.fromkeys(PRINCIPALS, LOGIN)
    nothing = outside | dict.fromkeys(STAFF, NOTHING)
    for act in acts:
        yield _row(act.method.upper(), pattern, act, outside | _staff(act.needs))
    used = {act.method.upper() for act in acts}
    url = acts[0].url if acts else OPEN.get(name) or EMPTY.get(name) or _address(pattern)
    if name in OPEN:
        yield _row("GET", pattern, url, outside | dict.fromkeys(STAFF, YES))
    elif not acts and name not in EMPTY:
        needs = _needs(name, pattern)
        yield _row("GET", pattern, url, outside | _staff(needs))
        yield _row(
            "POST",
            pattern,
            url,
            outside | (_staff(needs) if needs == (SHUT,) else dict.fromkeys(STAFF, NOTHING)),
        )
        used = {"GET", "POST"}
    used |= {"GET"} if name in OPEN else set()
    yield from _others(pattern, url, used | set(OTHERS), nothing)
    # One of the three: the framework does not tell them from a GET.
    one = OTHERS[len(pattern) % len(OTHERS)]
    cells = dict.fromkeys(PRINCIPALS, "405") if name == "second-step" else nothing
    yield Row(", ".join(OTHERS), f"/{pattern}", Act(one.lower(), url, ()), cells)


def _needs(name: str, pattern: str) -> tuple[str, ...]:
    """Return what a page takes that the framework brings along.

    Raises:
        NotInTheTable: it is one of ours.
    """
    app, _, rest = name.removeprefix("admin:").partition("_")
    model, _, kind = rest.rpartition("_")
    if name == "admin:auth_user_password_change":
        return ("auth.change_user",)
    if pattern.endswith("<path:object_id>/"):
        return ()  # an old address: leads on to the page itself
    if not name.startswith("admin:") or kind not in ("add", "delete", "history", "change"):
        raise NotInTheTable(f"/{pattern}: say in tests/access/acts.py what it takes.")
    if f"{app}.{model}.{kind}" in shut():
        return (SHUT,)
    return (f"{app}.{'view' if kind in ('history', 'change') else kind}_{model}",)


def shut() -> set[str]:
    """Name what the framework would add, change and delete, and only our doors may."""
    found = set()
    for model, site in admin.site._registry.items():
        for kind in ("add", "delete"):
            if getattr(type(site), f"has_{kind}_permission").__doc__ == "Refuse.":
                found.add(f"{model._meta.label_lower}.{kind}")
    return found


def _address(pattern: str) -> str:
    """Fill in the row of the world that a page of the framework's is about."""
    found = re.match(r"staff/(\w+)/(\w+)/", pattern)
    named = f"/staff/{found[1]}/{found[2]}/" if found else ""
    ids = [
        act.url.removeprefix(named).split("/")[0]
        for act in ACTS
        if named and act.url.startswith(named) and act.url.endswith("/change/")
    ]
    return "/" + re.sub(r"<(path:object_id|id)>", ids[0] if ids else "1", pattern)


def _staff(needs: tuple[str, ...]) -> dict[str, str]:
    """Say who of the staff holds these permissions."""
    held = {"viewer": _viewed, "operator": lambda need: _viewed(need) or _operated(need)}
    cells = {who: YES if all(map(holds, needs)) else "403" for who, holds in held.items()}
    return cells | {"superuser": "403" if SHUT in needs else YES}


def _viewed(need: str) -> bool:
    app, _, codename = need.partition(".")
    return app in groups.APPS and codename.startswith("view_")


def _operated(need: str) -> bool:
    app, _, codename = need.partition(".")
    return (app, codename) in groups.OPERATOR_PERMISSIONS
