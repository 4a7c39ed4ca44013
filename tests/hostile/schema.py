"""Our own OpenAPI held against what we do: requests that fit it, requests that break it, and each answer checked."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import schemathesis
from django.core import signals
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from schemathesis.core.failures import FailureGroup
from schemathesis.generation.hypothesis.builder import (
    HypothesisTestConfig,
    HypothesisTestMode,
    create_test,
)

# What is valid by itself may still not fit the listing that it is about: then 422 is the answer.
MAY_NOT_FIT = {
    "PATCH /admin/listings/{id}/ebay",
    "DELETE /admin/listings/{id}/ebay",
    "POST /admin/listings/{id}/ledger",
    "POST /admin/listings/{id}/ledger/{line}/correct",
    "POST /admin/listings/{id}/refund",
    "POST /admin/listings/{id}/photos",
    "PUT /admin/listings/{id}/photos/order",
    "POST /admin/listings/{id}/retry",
    "POST /admin/listings/{id}/transition",
}
# Times that have come; the schema has no word for it.
schemathesis.openapi.format(
    "date-time",
    st.datetimes(datetime(2000, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC)).map(datetime.isoformat),
)


@contextmanager
def one_connection() -> Iterator[None]:
    """Let requests share the test's transaction: Django would close its connection between two of them."""
    for signal in (signals.request_started, signals.request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (signals.request_started, signals.request_finished):
        signal.connect(close_old_connections)


def served(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Serve a request as a server does: read the answer and close it, and the files that were sent with it."""
    answer = get_wsgi_application()(environ, start_response)
    try:
        return list(answer)
    finally:
        answer.close()


@dataclass
class Trial:
    """Tries each operation as somebody; what went wrong is gathered in `found`, one line for each kind."""

    examples: int
    thorough: bool
    rows: dict[str, Any]
    answers: dict[str, int] = field(default_factory=dict)
    found: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.schema = schemathesis.openapi.from_wsgi("/openapi.json", served)
        names = ("found", "bought", "received", "listed", "sold", "failed", "cancelled", "waiting")
        self._listings = itertools.cycle(str(self.rows[name]) for name in names)
        self._known = itertools.cycle([True, True, False])

    def operations(self, prefix: str) -> list[Any]:
        """Return the operations whose path begins so."""
        found = [result.ok() for result in self.schema.get_all_operations()]  # type: ignore[union-attr]
        return [each for each in found if each.path.startswith(prefix)]

    def try_as(self, headers: dict[str, str], *operations: Any) -> None:
        """Call operations with examples, the edges of their schema, and what breaks it."""
        modes = [HypothesisTestMode.EXAMPLES, HypothesisTestMode.FUZZING]
        modes += [HypothesisTestMode.COVERAGE] if self.thorough else []
        how = HypothesisTestConfig(
            project=self.schema.config,
            modes=modes,
            settings=settings(
                max_examples=self.examples,
                deadline=None,
                database=None,
                derandomize=not self.thorough,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.explicit, Phase.generate],
            ),
        )
        for operation in operations:
            create_test(operation=operation, test_func=self._caller(operation.label, headers), config=how)()

    def _caller(self, label: str, headers: dict[str, str]) -> Any:
        def one(case: Any) -> None:
            self._try(label, case, headers)

        return one

    def _try(self, label: str, case: Any, headers: dict[str, str]) -> None:
        self._name(case)
        with transaction.atomic():
            answer = case.call(headers=headers)
            try:
                case.validate_response(answer, headers=headers)
                self.answers[label] = self.answers.get(label, 0) + (answer.status_code < 300)
            except FailureGroup as group:
                for failure in group.exceptions:
                    self._note(label, failure, case, answer)
            transaction.set_rollback(True)

    def _name(self, case: Any) -> None:
        """Name what is there, two times of three: made-up ids lead to nothing but 404."""
        path = case.path_parameters or {}
        if "id" in path and next(self._known):
            about_jobs, about_photos = "jobs" in case.path, case.path.startswith("/photos")
            own = self.rows["job_uuid"] if about_jobs else self.rows["photo"] if about_photos else None
            path["id"] = str(own or next(self._listings))
            if "photo_id" in path:
                path |= {"id": str(self.rows["received"]), "photo_id": str(self.rows["photo"])}
            if "line" in path:
                path |= {"id": str(self.rows["sold"]), "line": self.rows["line"]}

    def _note(self, label: str, failure: Any, case: Any, answer: Any) -> None:
        kind = type(failure).__name__
        if kind == "RejectedPositiveData" and label in MAY_NOT_FIT and failure.status_code == 422:
            return
        sent = f"{case.as_curl_command()[:600]}\n{str(case.body)[-2000:]}\n{answer.text[:600]}"
        self.found.setdefault((label, kind), f"{failure}\n{sent}")
