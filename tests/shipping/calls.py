"""Call through the proxy until SIGTERM, ten minutes at the most; end with 1 where an answer was not the one wanted.

Every job is a new one, posted once, as ScraperV2 does. How many were accepted is written beside this file.
"""

import signal
import sys
import threading
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import requests

URL = "https://aetos.example"
REQUESTS_CA = "/etc/letsencrypt/live/aetos.example/fullchain.pem"
KEY = Path("/etc/aetos/aetos.env").read_text().split("\nSCRAPER_WEBHOOK_KEY=")[1].split("\n")[0]
LONGEST_SECONDS = 600
ended = threading.Event()
answers: Counter[str] = Counter()
slowest: dict[str, float] = {}


def call(name: str, wanted: int, method: str, path: str, **options: Any) -> None:
    """Call once, and count the answer."""
    began = time.monotonic()
    status: int | str
    try:
        status = requests.request(method, URL + path, verify=REQUESTS_CA, timeout=90, **options).status_code
    except requests.RequestException as error:
        status = type(error).__name__
    slowest[name] = max(slowest.get(name, 0), time.monotonic() - began)
    answers[f"{name}: as wanted" if status == wanted else f"{name}: {status}"] += 1


def post_jobs() -> None:
    """Post one job after another."""
    while not ended.wait(0.3):
        item = f"https://www.facebook.com/marketplace/item/{uuid.uuid4().int % 10**15}/"
        match = {
            "listing": {"url": item, "title": "Sony A6400", "price": 400.0},
            "product": {"id": 230, "brand": "Sony", "model": "a6400", "full_name": "Sony a6400"},
            "confidence": 95.0,
            "potential_profit": 100.0,
        }
        job = {"job_id": str(uuid.uuid4()), "brands": ["Sony"], "matches": [match]}
        call("job", 202, "POST", "/webhooks/scraper/job-complete", json=job, headers={"X-API-Key": KEY})


def look() -> None:
    """Ask for pages and files, as people and monitors do."""
    while not ended.wait(0.2):
        call("health", 200, "GET", "/health")
        call("login page", 200, "GET", "/staff/login/")
        call("style", 200, "GET", "/static/unfold/css/styles.css")


def main() -> int:
    """Call until told to end, say what came back."""
    signal.signal(signal.SIGTERM, lambda number, frame: ended.set())
    threads = [threading.Thread(target=work) for work in (post_jobs, post_jobs, look)]
    for thread in threads:
        thread.start()
    ended.wait(LONGEST_SECONDS)
    ended.set()
    for thread in threads:
        thread.join()
    Path(__file__).with_name("accepted").write_text(str(answers["job: as wanted"]))
    for answer, count in sorted(answers.items()):
        print(f"{count:6} {answer}")
    print("slowest:", ", ".join(f"{name} {seconds:.1f} s" for name, seconds in sorted(slowest.items())))
    return int(any(not answer.endswith("as wanted") for answer in answers))


if __name__ == "__main__":
    sys.exit(main())
