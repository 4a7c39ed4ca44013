"""What a web process costs beside its work: memory over its life, and the time until it serves."""

import http.client
import os
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.databases import ROOT
from bench.ingest import bodies, deliver, line, matches
from bench.rows import Bench, Sides, at_most, row
from bench.stored import unchanged
from bench.transition import token


def resident(web: Any) -> float:
    """Return the memory in MB of the largest worker of a web server (Linux)."""
    sizes = [0.0]
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            facts = dict(each.split(":", 1) for each in (folder / "status").read_text().splitlines())
        except OSError:
            continue  # it has just ended
        if int(facts["PPid"]) == web.pid and "VmRSS" in facts:
            sizes.append(int(facts["VmRSS"].split()[0]) / 1024)
    return max(sizes)


def ask(bench: Bench, web: Any, count: int) -> None:
    """Make requests of several kinds over one connection."""
    headers = {"Authorization": f"Token {token()}"}
    line = http.client.HTTPConnection(urlsplit(web.url).netloc, timeout=60)
    for number in range(count):
        paths = ("/admin/listings?limit=20", "/health/live", "/admin/listings?state=FOUND&limit=50")
        line.request("GET", paths[number % len(paths)], headers=headers)
        answer = line.getresponse()
        assert answer.read() and answer.status == 200


@row(
    "memory",
    work="memory of a web process after 10,000 requests and 100 jobs of 5,000",
    against="the same process after 100 requests",
    unit="MB",
    reach=at_most(1.2),
    sizes=(10_000,),
)
def memory(bench: Bench) -> Sides:
    """Take one process through its life; it is not replaced on the way. One run: the figure does not vary."""
    with unchanged(bench.url):
        web = bench.start_web(WEB_WORKERS="1", GUNICORN_CMD_ARGS="--max-requests 0 --max-requests-jitter 0")
        ask(bench, web, 100)
        before = resident(web)
        requests_, jobs = (1_000, 5) if bench.quick else (10_000, 100)
        ask(bench, web, requests_)
        with closing(line(web.url)) as connection:
            for _ in range(jobs):
                deliver(connection, bodies([matches(5000)]))
        after = resident(web)
        return Sides([after], [before], note="" if after < 200 else "over 200 MB")


# What only requirements-dev.txt brings, and libraries load where it is there; production has none of it.
HIDDEN = "import sys; sys.modules.update(dict.fromkeys(('rich', 'pygments', 'jinja2', 'attr'))); "
EMPTY = "SECRET_KEY = 'x'\nINSTALLED_APPS = []\n"


def _seconds(code: str, folder: str, **environment: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], cwd=folder, env={**os.environ, **environment}, check=True)
    return time.perf_counter() - began


@row(
    "start",
    work="start of the server: import of aetos.wsgi",
    against="django.setup() of an empty project",
    unit="s",
    reach=at_most(3.0),
    sizes=(10_000,),
)
def start(bench: Bench) -> Sides:
    """Start a Python each time, so that nothing is imported yet; the compiled files are there, as they are in life."""
    keys = {f"{name}_WEBHOOK_KEY": "x" for name in ("SCRAPER", "CHATTERBOT", "EBAY")}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "empty.py").write_text(EMPTY)
        cached = {"PYTHONDONTWRITEBYTECODE": ""}
        return bench.interleave(
            lambda: _seconds(f"{HIDDEN}import aetos.wsgi", str(ROOT), **keys, **cached),
            lambda: _seconds(
                f"{HIDDEN}import django; django.setup()", folder, DJANGO_SETTINGS_MODULE="empty", **cached
            ),
        )
