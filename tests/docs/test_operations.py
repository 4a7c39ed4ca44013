"""Dashboard, alerts and runbook speak of the numbers that /metrics really has."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.db.models.functions import Now
from django.test import Client

from aetos import audit
from integrations.models import Channel, InboxMessage, Pulse
from integrations.tasks import TASKS
from tests.factories import make_listing

DOCS = Path(settings.BASE_DIR) / "docs"
RULES = yaml.safe_load((DOCS / "operations" / "prometheus-rules.yaml").read_text(encoding="utf-8"))
DASHBOARD = json.loads((DOCS / "operations" / "grafana-dashboard.json").read_text(encoding="utf-8"))
RUNBOOK = (DOCS / "runbook.md").read_text(encoding="utf-8")
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
# For `promtool test rules`, which is not to be had everywhere.
TRIED = yaml.safe_load((DOCS / "operations" / "prometheus-rules.test.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def names(client: Client, db: None, settings: Any) -> set[str]:
    """The names of all series, of a product in which each kind of thing is there."""
    settings.METRICS_KEYS = ["a-key"]
    make_listing("SOLD")
    Channel.objects.create(name="events", delivered=3)
    InboxMessage.objects.create(partner="ebay", kind="item-sold", body=b"", status="conflict")
    Pulse.objects.create(name=TASKS, beaten_at=Now() - timedelta(seconds=5))
    audit.run()
    client.get("/health/live")
    text = client.get("/metrics", headers={"authorization": "Bearer a-key"}).content.decode()
    return {re.split(r"[{ ]", line)[0] for line in text.splitlines() if not line.startswith("#")}


def _read(expression: str) -> set[str]:
    return set(re.findall(r"aetos_\w+", expression))


def test_every_number_that_is_asked_for_exists(names: set[str]) -> None:
    shown = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
    asked = set().union(*map(_read, [*shown, *(alert["expr"] for alert in ALERTS)]))
    assert len(asked) > 15
    assert asked - names == set()


def test_each_alert_is_tried_with_what_wants_it_and_with_what_does_not() -> None:
    cases = [case for tried in TRIED["tests"] for case in tried["alert_rule_test"]]
    names = {alert["alert"] for alert in ALERTS}
    assert {case["alertname"] for case in cases if case.get("exp_alerts")} == names
    assert {case["alertname"] for case in cases if not case.get("exp_alerts")} == names


def test_each_alert_has_its_place_in_the_runbook_and_none_is_there_without_an_alert() -> None:
    assert re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE) == [alert["alert"] for alert in ALERTS]
    assert {alert["labels"]["severity"] for alert in ALERTS} == {"page", "ticket"}
