"""The Procfile, the image, Compose, the units, the proxy and `.env.example` say the same."""

import os
import re
import runpy
import shlex
import subprocess
import tomllib
import uuid
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.urls import reverse
from honcho.environ import parse_procfile

from aetos import webserver
from aetos.management import dotenv

ROOT = Path(__file__).resolve().parents[2]
PROCFILE = parse_procfile((ROOT / "Procfile").read_text()).processes
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()
OPERATIONS = ROOT / "docs" / "operations"
NGINX = (OPERATIONS / "nginx" / "aetos.conf").read_text()
OURS = {name for name, service in COMPOSE["services"].items() if service["image"] == "aetos-orchestrator"}


def unit(name: str) -> str:
    """Return a systemd unit's text."""
    return (OPERATIONS / "systemd" / name).read_text()


def expanded(command: list[str], tmp_path: Path) -> str:
    """Run a container's command with programs that only say how they were called."""
    for program in ("gunicorn", "celery"):
        (tmp_path / program).write_text(f'#!/bin/sh\necho {program} "$@"\n')
        (tmp_path / program).chmod(0o755)
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "PORT": "8000"}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return run.stdout.strip()


@pytest.mark.parametrize("name", ["web", "worker", "beat"])
def test_compose_runs_what_the_procfile_says(name: str, tmp_path: Path) -> None:
    command = [part.replace("$$", "$") for part in COMPOSE["services"][name]["command"]]

    direct = expanded(["sh", "-c", PROCFILE[name]], tmp_path)

    assert direct.startswith(("gunicorn --config python:aetos.webserver aetos.wsgi", "celery -A aetos"))
    assert expanded(command, tmp_path) == direct


def test_the_image_runs_web_as_the_procfile_says(tmp_path: Path) -> None:
    match = re.search(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert match

    assert expanded(yaml.safe_load(match[1]), tmp_path) == expanded(["sh", "-c", PROCFILE["web"]], tmp_path)


@pytest.mark.parametrize("name", ["web", "worker", "beat"])
def test_the_units_run_what_the_procfile_says(name: str, tmp_path: Path) -> None:
    match = re.search(r"^ExecStart=(.*)$", unit(f"aetos-{name}.service"), re.MULTILINE)
    assert match

    assert expanded(shlex.split(match[1]), tmp_path) == expanded(["sh", "-c", PROCFILE[name]], tmp_path)


@pytest.mark.parametrize("name", ["web", "worker", "beat"])
def test_units_and_compose_give_the_same_memory_and_the_same_time_to_end(name: str) -> None:
    service, text = COMPOSE["services"][name], unit(f"aetos-{name}.service")
    limits = service.get("deploy", {}).get("resources", {}).get("limits", {})

    assert f"MemoryMax={limits['memory']}" in text
    if "stop_grace_period" in service:
        assert f"TimeoutStopSec={service['stop_grace_period'].removesuffix('s')}\n" in text


def test_web_honours_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PORT", raising=False)
    assert runpy.run_path(str(ROOT / "aetos" / "webserver.py"))["bind"] == "0.0.0.0:8000"
    monkeypatch.setenv("PORT", "9")
    assert runpy.run_path(str(ROOT / "aetos" / "webserver.py"))["bind"] == "0.0.0.0:9"


def test_the_servers_start_after_what_they_need() -> None:
    services = COMPOSE["services"]
    for name in ("web", "worker", "beat", "partners"):
        needs = {need: how["condition"] for need, how in services[name]["depends_on"].items()}
        assert needs["migrate"] == "service_completed_successfully"
        assert needs["postgres"] == needs["rabbitmq"] == "service_healthy"
        assert services[name]["restart"] == "unless-stopped"
    assert services["partners"]["profiles"] == ["demo"]
    assert services["migrate"]["restart"] == "no"


def test_only_the_web_server_is_published_beyond_this_machine() -> None:
    ports = {name: service.get("ports", []) for name, service in COMPOSE["services"].items()}
    beyond = {name for name, given in ports.items() for port in given if not port.startswith("127.0.0.1:")}
    assert beyond == {"web"}


def test_each_service_has_its_limits_and_ours_no_power() -> None:
    for name, service in COMPOSE["services"].items():
        assert service["deploy"]["resources"]["limits"]["memory"], name
        assert service["logging"]["driver"] == "local", name
    for name in OURS:
        assert COMPOSE["services"][name]["cap_drop"] == ["ALL"]
        assert COMPOSE["services"][name]["security_opt"] == ["no-new-privileges:true"]


def test_whoever_waits_for_health_waits_for_each_service_that_stays() -> None:
    """`docker compose up --wait` ends with an error where one of them has no check."""
    for name, service in COMPOSE["services"].items():
        inherited = name == "web" and "HEALTHCHECK" in DOCKERFILE
        assert name == "migrate" or inherited or service["healthcheck"]["test"], name


def test_one_service_builds_the_image_and_none_fetches_it() -> None:
    building = {name for name in OURS if "build" in COMPOSE["services"][name]}

    assert building == {"migrate"}
    assert {COMPOSE["services"][name]["pull_policy"] for name in OURS - building} == {"never"}


def test_what_is_not_ours_is_pinned() -> None:
    images = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    images += [service["image"] for name, service in COMPOSE["services"].items() if name not in OURS]

    assert len(images) == 4
    assert all(re.search(r":\d+\.\d+(\.\d+)?-", image) for image in images), images


def test_nothing_that_builds_is_in_the_last_stage() -> None:
    last = DOCKERFILE.split("\nFROM ")[-1]

    assert "pip uninstall --yes --quiet --root-user-action=ignore pip setuptools wheel" in last
    assert "apt-get" not in last
    assert re.findall(r"--from=build (.*)", last) == ["/venv /venv"]


def test_the_proxy_lets_through_what_we_take_and_no_more() -> None:
    general, photos = (int(size) * 1024 * 1024 for size in re.findall(r"client_max_body_size (\d+)m", NGINX))
    place = re.search(r"location ~ (\S+) \{\s+client_max_body_size", NGINX)
    assert place

    assert general == settings.WEBHOOK_MAX_BYTES
    assert photos == settings.UPLOAD_MAX_BYTES
    listing = str(uuid.uuid4())
    for path in (
        reverse("listing-photos", args=[listing]),
        reverse("listing-photos-slash", args=[listing]),
        reverse("admin:listings_productlisting_photos", args=[listing]),
    ):
        assert re.match(place[1], path), path
    assert not re.match(place[1], reverse("scraper-job-complete"))


def test_the_proxy_closes_an_idle_line_before_the_server_does() -> None:
    proxy = re.search(r"keepalive_timeout (\d+)s", NGINX)

    assert proxy
    assert int(proxy[1]) < webserver.keepalive
    assert "proxy_pass http://aetos_webhooks" in NGINX
    assert NGINX.count("keepalive ") == 1


def test_the_baseline_of_the_linter_names_migrations_that_there_are() -> None:
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["django_migration_linter"]
    names = {
        path.stem for app in linter["include_apps"] for path in (ROOT / app / "migrations").glob("0*.py")
    }

    assert set(linter["ignore_name"]) < names


def test_the_image_takes_along_every_folder_that_the_code_is_in() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"bench", "tests"}
    copied = set(re.findall(r"^COPY (\w+) \1$", DOCKERFILE, re.MULTILINE))
    admitted = set(re.findall(r"^!(\w+)/$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))

    assert packages | {"templates"} == copied == admitted
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)


def test_the_example_names_every_variable_and_gives_none_a_value() -> None:
    settings = (ROOT / "aetos" / "settings.py").read_text()
    read = set(re.findall(r'env(?:\.\w+)?\("([A-Z_]+)"', settings)) | set(dotenv.NAMES)
    named = set(re.findall(r"^#([A-Z_]+)=", EXAMPLE, re.MULTILINE))

    assert read <= named
    assert dotenv.values(EXAMPLE) == {}
    for name in dotenv.NAMES:
        assert re.search(rf"^#{name}=$", EXAMPLE, re.MULTILINE), name
