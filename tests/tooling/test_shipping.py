"""The Procfile, the image, Compose and `.env.example` say the same."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from honcho.environ import parse_procfile

from aetos.management import dotenv

ROOT = Path(__file__).resolve().parents[2]
PROCFILE = parse_procfile((ROOT / "Procfile").read_text()).processes
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()


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

    assert direct.startswith(("gunicorn aetos.wsgi", "celery -A aetos"))
    assert expanded(command, tmp_path) == direct


def test_the_image_runs_web_as_the_procfile_says(tmp_path: Path) -> None:
    match = re.search(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert match

    assert expanded(yaml.safe_load(match[1]), tmp_path) == expanded(["sh", "-c", PROCFILE["web"]], tmp_path)


def test_web_honours_port(tmp_path: Path) -> None:
    assert "--bind 0.0.0.0:8000 " in expanded(["sh", "-c", PROCFILE["web"]], tmp_path)
    assert "--bind 0.0.0.0:9 " in expanded(["sh", "-c", f"PORT=9; {PROCFILE['web']}"], tmp_path)


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


def test_the_image_takes_along_every_folder_that_the_code_is_in() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    copied = set(re.findall(r"^COPY (\w+) \1$", DOCKERFILE, re.MULTILINE))
    admitted = set(re.findall(r"^!(\w+)/$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))

    assert packages | {"templates"} == copied == admitted
    assert re.search(r"^USER aetos$", DOCKERFILE, re.MULTILINE)


def test_the_example_names_every_variable_and_gives_none_a_value() -> None:
    settings = (ROOT / "aetos" / "settings.py").read_text()
    read = set(re.findall(r'env(?:\.\w+)?\("([A-Z_]+)"', settings)) | set(dotenv.NAMES)
    named = set(re.findall(r"^#([A-Z_]+)=", EXAMPLE, re.MULTILINE))

    assert read <= named
    assert dotenv.values(EXAMPLE) == {}
    for name in dotenv.NAMES:
        assert re.search(rf"^#{name}=$", EXAMPLE, re.MULTILINE), name
