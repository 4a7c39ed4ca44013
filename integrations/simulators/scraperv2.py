"""ScraperV2 as it was seen on the wire: jobs that run for a while, and one call when one completes."""

import dataclasses
import logging
import uuid
from random import Random
from typing import Any

from integrations.simulators import sightings
from integrations.simulators.catalogue import products_of
from integrations.simulators.faults import NONE, Fault
from integrations.simulators.market import Item
from integrations.simulators.partner import Partner, readable
from integrations.simulators.wire import Answer, Request, Unreadable, compact, same_key
from integrations.simulators.world import Reply, World

log = logging.getLogger("simulators")

WEBHOOK = "/webhooks/scraper/job-complete"
SESSION_LOST = "Failed to restore Facebook session"
STARTS_AFTER = 0.3
RUNS_FOR = 2.0


@dataclasses.dataclass
class Job:
    """A job document, and what its fault has in store for it."""

    job_id: str
    brands: list[str]
    search: str
    fault: Fault = NONE
    status: str = "pending"
    result: dict[str, Any] | None = None
    error: str | None = None

    def document(self) -> dict[str, Any]:
        """Return the job as GET /scrape/{job_id} shows it."""
        return {
            "job_id": self.job_id,
            "status": self.status,
            "brands": self.brands,
            "result": self.result,
            "error": self.error,
        }


class ScraperV2(Partner):
    """Takes scrapes by brand, completes them, and calls the job-complete webhook once and never again.

    Outcomes for `_faults`: `failed` (the session is lost, nobody is called), `lost` (the process was
    restarted: 404), `unheard` (completes, but the call never leaves), `no_listings`, and
    `same_hrefs` (the marketplace shows the very links of the last job again, so all are skipped).
    """

    name = "scraperv2"
    outcomes = frozenset({"failed", "lost", "unheard", "no_listings", "same_hrefs"})

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.jobs: dict[str, Job] = {}
        self.hrefs: set[str] = set()
        self.last_finds: list[dict[str, Any]] = []
        self.standing: list[Item] = []

    def route(self, request: Request, fault: Fault) -> Answer:
        """Take a request, return the answer of the API."""
        path = request.path.rstrip("/") or "/"
        if path == "/":
            return self._only("GET", request, {"message": "Aetos Scraper API", "status": "running"})
        if path not in ("/scrape", "/jobs") and not _job_id(path):
            return compact(404, {"detail": "Not Found"})
        if request.method != ("POST" if path == "/scrape" else "GET"):
            return compact(405, {"detail": "Method Not Allowed"})
        # The key is looked at before anything else is, so that a stranger learns nothing.
        if not same_key(request.headers.get("x-api-key", ""), self.world.keys.scraper_api_key):
            return compact(401, {"detail": "Invalid API key"})
        if path == "/scrape":
            return self._accept(request, fault)
        with self.lock:
            if path == "/jobs":
                return compact(200, {job.job_id: job.document() for job in self.jobs.values()})
            job = self.jobs.get(_job_id(path))
            return compact(200, job.document()) if job else compact(404, {"detail": "Job not found"})

    def start(self, brands: list[str], search: str, fault: Fault = NONE) -> Job:
        """Take brands and a search, start a job for them, and return it."""
        job = Job(str(uuid.uuid4()), brands, search, fault)
        with self.lock:
            self.jobs[job.job_id] = job
        log.info("scraperv2: job %s accepted for %s", job.job_id, ", ".join(brands) or "no brand")
        if fault.callback_before_answer:
            self._complete(job)
        else:
            self.world.later(STARTS_AFTER, lambda: self._run(job))
        return job

    def publish(self, body: dict[str, Any]) -> Reply:
        """Take a finished job's webhook body, keep it as a completed job, post it, return the reply."""
        job = Job(body["job_id"], body["brands"], "", status="completed")
        job.result = sightings.result(body["brands"], body["matches"], skipped=0, unmatched=0)
        with self.lock:
            self.jobs[job.job_id] = job
        return self._call(job)

    def act(self, order: dict[str, Any]) -> dict[str, Any]:
        """Take `{"job_id": …}` (a job of ours, called for again) or `{"body": …}`, post it, say what came."""
        body = order.get("body")
        if body is None:
            job = self.jobs.get(str(order.get("job_id")))
            if job is None or job.result is None:
                raise ValueError("no completed job of that id")
            reply = self._call(job)
        else:
            reply = self.call(WEBHOOK, body, self._headers())
        return {"status": reply.status, "answer": readable(reply.text)}

    def kept(self) -> dict[str, Any]:
        """Return the jobs and how many links are remembered as seen."""
        return {"jobs": {job.job_id: job.document() for job in self.jobs.values()}, "hrefs": len(self.hrefs)}

    def forget(self) -> None:
        """Forget the jobs, as a restart does, and the links seen, which a restart does not."""
        self.jobs.clear()
        self.hrefs.clear()
        self.last_finds.clear()

    def _only(self, method: str, request: Request, content: dict[str, Any]) -> Answer:
        if request.method != method:
            return compact(405, {"detail": "Method Not Allowed"})
        return compact(200, content)

    def _accept(self, request: Request, fault: Fault) -> Answer:
        """Answer POST /scrape."""
        try:
            content: Any = request.json() if request.body else None
        except Unreadable as error:
            return compact(422, {"detail": [unreadable(error)]})
        problems = complaints(content)
        if problems:
            return compact(422, {"detail": problems})
        job = self.start(content["brands"], content["search"], fault)
        message = f"Scrape job started for brands: {job.brands}"
        return compact(200, {"job_id": job.job_id, "status": "pending", "message": message})

    def _run(self, job: Job) -> None:
        with self.lock:
            job.status = "running"
            if job.fault.outcome == "lost":
                self.jobs.pop(job.job_id, None)
                return
        self.world.later(RUNS_FOR, lambda: self._complete(job))

    def _complete(self, job: Job) -> None:
        """Finish a job; the call goes out only after it shows as completed."""
        outcome = job.fault.outcome
        with self.lock:
            if self.jobs.get(job.job_id) is not job or outcome == "lost":
                self.jobs.pop(job.job_id, None)
                return
            if outcome == "failed":
                job.status, job.error = "failed", SESSION_LOST
                log.info("scraperv2: job %s failed", job.job_id)
                return
            job.result = self._scrape(job)
            job.status = "completed"
        if outcome != "unheard":
            self._call(job)

    def _scrape(self, job: Job) -> dict[str, Any]:
        """Return the result of a job, and remember the links it matched."""
        products = products_of(job.brands)
        if not products:
            return sightings.nothing(job.brands, 0, "No products found")
        if job.fault.outcome == "no_listings":
            return sightings.nothing(job.brands, len(products), "No listings found")
        draw = Random(job.job_id)
        if job.fault.outcome == "same_hrefs":
            shown = self.last_finds
        else:
            shown = sightings.search(draw, job.brands, products, self.standing)
        fresh = [find for find in shown if find["listing"]["url"] not in self.hrefs]
        # Written before the call, as the real one does: a lost call can't be had again by a new search.
        self.hrefs.update(find["listing"]["url"] for find in shown)
        self.last_finds = shown
        return sightings.result(job.brands, fresh, len(shown) - len(fresh), unmatched=draw.randint(2, 9))

    def _call(self, job: Job) -> Reply:
        result = job.result or {}
        body = {"job_id": job.job_id, "brands": result["brands"], "matches": result["matches"]}
        return self.call(WEBHOOK, body, self._headers(), twice=job.fault.callback_twice)

    def _headers(self) -> dict[str, str]:
        return {"x-api-key": self.world.keys.scraper_webhook_key}


def complaints(content: Any) -> list[dict[str, Any]]:
    """Take the body of POST /scrape, return what is wrong with it in FastAPI's form."""
    if content is None:
        return [_complaint("missing", ["body"], "Field required", None)]
    if not isinstance(content, dict):
        text = "Input should be a valid dictionary or object to extract fields from"
        return [_complaint("model_attributes_type", ["body"], text, content)]
    absent = [name for name in ("brands", "search") if name not in content]
    found = [_complaint("missing", ["body", name], "Field required", content) for name in absent]
    brands = content.get("brands", [])
    if not isinstance(brands, list):
        found.append(_complaint("list_type", ["body", "brands"], "Input should be a valid list", brands))
        brands = []
    for index, brand in enumerate(brands):
        if not isinstance(brand, str):
            found.append(
                _complaint("string_type", ["body", "brands", index], "Input should be a valid string", brand)
            )
    if not isinstance(content.get("search", ""), str):
        found.append(
            _complaint("string_type", ["body", "search"], "Input should be a valid string", content["search"])
        )
    return found


def unreadable(error: Unreadable) -> dict[str, Any]:
    """Take a parser's error, return it in FastAPI's form."""
    complaint = _complaint("json_invalid", ["body", error.position], "JSON decode error", {})
    return {**complaint, "ctx": {"error": str(error)}}


def _complaint(kind: str, where: list[str | int], message: str, given: Any) -> dict[str, Any]:
    return {"type": kind, "loc": where, "msg": message, "input": given}


def _job_id(path: str) -> str:
    """Return the id in /scrape/{id}, or nothing for another path."""
    parts = path.split("/")
    return parts[2] if len(parts) == 3 and parts[1] == "scrape" else ""
