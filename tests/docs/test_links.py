"""Whatever the pages point to is there: files, headings, names in the code, and commands."""

import importlib
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands

ROOT = Path(settings.BASE_DIR)
OURS = ("aetos", "bench", "docs", "integrations", "listings", "scraping", "templates", "tests")
OUTSIDE = re.compile(r"[a-z]+:")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
PATH = re.compile(rf"`((?:{'|'.join(OURS)})/[\w./-]+)`")
NAME = re.compile(r"`((?:aetos|integrations|listings|scraping|tests)(?:\.[a-zA-Z_]\w*)+)(?:\(\))?`")
COMMAND = re.compile(r"manage\.py (\w+)")
MODULE = re.compile(r"python3? -m ((?:aetos|bench|integrations|listings|scraping|tests)[\w.]*)")
TARGET = re.compile(r"(?:`|^|&& )(?:PORT=\d+ |LOG_LEVEL=\w+ )?make ([a-z]+)", re.MULTILINE)
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob(".github/**/*.md")])


def anchors(page: Path) -> set[str]:
    """Return a page's headings as links name them."""
    headings = HEADING.findall(FENCED.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads_nowhere(page: Path, link: str) -> bool:
    """Return whether a page's link names no file, or no heading of one."""
    file, _, anchor = link.partition("#")
    target = (page.parent / file) if file else page
    return not target.exists() or bool(anchor and anchor not in anchors(target))


def is_known(name: str) -> bool:
    """Return whether a dotted name is a module of ours, or something in one."""
    parts = name.split(".")
    within: list[str] = []
    while parts:
        try:
            found = importlib.import_module(".".join(parts))
        except ModuleNotFoundError:
            within.insert(0, parts.pop())
            continue
        for part in within:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_points_to_is_there(page: Path) -> None:
    text = FENCED.sub("", page.read_text(encoding="utf-8"))

    links = [link for link in LINK.findall(text) if not OUTSIDE.match(link)]
    assert [link for link in links if leads_nowhere(page, link)] == []
    if page.name == "CHANGELOG.md":
        return  # it tells of what was
    assert [path for path in PATH.findall(text) if not (ROOT / path).exists()] == []
    assert [name for name in NAME.findall(text) if not is_known(name)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_on_a_page_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)

    assert [name for name in COMMAND.findall(text) if name not in get_commands()] == []
    assert [name for name in TARGET.findall(text) if name not in targets] == []
    assert [name for name in MODULE.findall(text) if not is_known(name)] == []
