"""`manage.py demo`: the whole product on one machine, with simulated partners and their sample jobs."""

import fcntl
import os
import secrets
import shlex
import shutil
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection
from honcho.environ import parse_procfile
from rest_framework.authtoken.models import Token

from aetos.groups import OPERATORS
from aetos.management.processes import Processes
from aetos.management.sample import ensure_rules_and_plans

USER, OWNER = "admin", "demo-owner"
PARTNERS = {
    "SCRAPER_API_URL": "scraperv2",
    "CHATTERBOT_API_URL": "chatterbot",
    "EBAY_API_URL": "ebaylister",
}
CODE = ("aetos", "scraping", "listings", "integrations")
NEEDED_MB, LEFT_MB = 100, 20  # to start with, and to go on with
BANNER = """
  Aetos Orchestrator is at {url} (its API: {url}/docs)
  Sign in as {user}, with the password {password}
  Ctrl-C ends all of it. Settings and keys: .env; data: {data}"""
PARTNERS_BANNER = """
  Simulated partners are on port {port}
  sign in to the back office as  {user}
  with the password              {password}
"""


class Command(BaseCommand):
    help = "Run web, worker, beat and simulated partners together, with a staff login and sample jobs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument(
            "--partners-only",
            action="store_true",
            help="only the simulated partners and the staff, for an installation that runs (ORCHESTRATOR_URL)",
        )
        parser.add_argument("--partners-port", type=int, default=0, help="default: one that is free")
        parser.add_argument(
            "--reload", action="store_true", help="start a process anew whenever code or templates change"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["partners_only"]:
            self.become_the_partners(options["partners_port"] or free_port())
        port = options["port"]
        url = f"http://localhost:{port}"
        with alone_on_the_data(url):
            refuse_a_taken_port(port)
            self.run_all(url, port, options["partners_port"] or free_port(), reload=options["reload"])

    def run_all(self, url: str, port: int, partners_port: int, *, reload: bool) -> None:
        """Bring the database up to date, then run everything until somebody ends it."""
        self.stdout.write(
            "Preparing the database, then starting web, worker, beat and simulated partners ..."
        )
        self.stdout.flush()
        password, owner_token = prepare()

        def announce() -> None:
            banner = BANNER.format(url=url, user=USER, password=password, data=settings.DATA_DIR)
            self.stdout.write(self.style.SUCCESS(banner))
            self.stdout.flush()

        started = commands(partners_port)
        ended = Processes().run(
            reloading(started) if reload else started,
            environment(port, partners_port, reload=reload) | {"DEMO_OWNER_TOKEN": owner_token},
            ready=lambda: answers(f"http://127.0.0.1:{port}/health/live"),
            announce=announce,
            hindrance=no_room,
        )
        if ended:
            raise CommandError(no_room() or ended)
        self.stdout.write("All ended.")

    def become_the_partners(self, port: int) -> NoReturn:
        """Make the demo's people and rules at the first run; then be the partners, reachable from other machines."""
        password = ensure_staff_user()
        owner_token = ensure_owner()
        ensure_rules_and_plans()
        banner = PARTNERS_BANNER.format(port=port, user=USER, password=password)
        self.stdout.write(self.style.SUCCESS(banner))
        self.stdout.flush()
        os.execve(  # noqa: S606  our own module
            sys.executable,
            [*partners_command(port), "--host", "0.0.0.0"],  # noqa: S104  a container's own network
            {**os.environ, "DEMO_OWNER_TOKEN": owner_token},
        )


@contextmanager
def alone_on_the_data(url: str) -> Iterator[None]:
    """Keep a second one off the same data, where two simulated markets would mix. Raises CommandError."""
    data = Path(settings.DATA_DIR)
    if (free := free_mb()) < NEEDED_MB:
        raise CommandError(f"{data} has {free} MB of room, and {NEEDED_MB} MB are needed. Make room there.")
    try:
        file = (data / "demo.lock").open("a+", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{data} can't be written ({error.strerror}). Make it yours: chown -R.") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise CommandError(f"It runs already, at {file.read()}. End that one first: Ctrl-C.") from error
        file.truncate(0)
        file.write(url)
        file.flush()
        yield


def free_mb() -> int:
    """Return the room where the data are, in megabytes."""
    return shutil.disk_usage(settings.DATA_DIR).free // 1_000_000


def no_room() -> str | None:
    """Return what to do where the disk of the data is as good as full: whatever fails then fails for that."""
    if (free := free_mb()) >= LEFT_MB:
        return None
    return f"{settings.DATA_DIR} has {free} MB of room left. Make room there; then the same command goes on."


def prepare() -> tuple[str, str]:
    """Bring all up to date; return the password of staff and the token of the owner. Raises CommandError."""
    try:
        call_command("migrate", verbosity=0, interactive=False)
        call_command("collectstatic", verbosity=0, interactive=False)
        people = ensure_staff_user(), ensure_owner()
        ensure_rules_and_plans()
    except DatabaseError as error:
        if not is_a_server() and (full := no_room()):
            raise CommandError(full) from error
        where = "Is it up, and is DATABASE_URL right?" if is_a_server() else f"Look at {settings.DATA_DIR}."
        raise CommandError(f"The database can't be used: {first_line(error)}. {where}") from error
    except OSError as error:
        place = error.filename or settings.DATA_DIR
        raise CommandError(no_room() or f"{place} can't be written ({error.strerror}).") from error
    return people


def is_a_server() -> bool:
    """Return whether the database is a server, and no file of ours."""
    return connection.vendor != "sqlite"


def first_line(error: Exception) -> str:
    """Return what an error says first, without a full stop."""
    return str(error).strip().split("\n", 1)[0].rstrip(".")


def refuse_a_taken_port(port: int) -> None:
    """Raise CommandError where the web server could not listen, and name a port that is free."""
    if not 0 < port < 65_536:
        raise CommandError(f"{port} is not a port. Try: make run PORT={free_port()}")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))  # noqa: S104  where gunicorn will listen
        except OSError as error:
            raise CommandError(
                f"Port {port} can't be used ({error.strerror}). Try: make run PORT={free_port()}"
            ) from error


def free_port() -> int:
    """Return a port of the loopback interface that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ensure_staff_user() -> str:
    """Make the demo's staff user at the first run; return what to say of the password."""
    users = get_user_model()._default_manager
    known = users.filter(username=USER).first()
    password = os.environ.get("DEMO_PASSWORD", "")
    if known is None:
        if not password:
            raise CommandError("DEMO_PASSWORD is missing. Run: python aetos/management/dotenv.py")
        users.create_superuser(USER, password=password)
        return password
    # Somebody may have changed it since; a wrong one printed would be worse than none.
    return password if known.check_password(password) else "(the one you have set)"


def ensure_owner() -> str:
    """Make the operator who sells what the demo buys, at the first run; return the token, and never print it."""
    owner, made = get_user_model()._default_manager.get_or_create(username=OWNER, defaults={"is_staff": True})
    if made:
        owner.set_unusable_password()
        owner.save()
        owner.groups.add(Group.objects.get(name=OPERATORS))
        Token.objects.create(user=owner)
    # Whoever has taken the token away since does not want it to act.
    token = Token.objects.filter(user=owner).first()
    return str(token.key) if token else ""


def commands(partners_port: int) -> dict[str, str]:
    """Return the Procfile's processes, and the simulated partners beside them."""
    procfile = (Path(settings.BASE_DIR) / "Procfile").read_text(encoding="utf-8")
    return {**parse_procfile(procfile).processes, "partners": shlex.join(partners_command(partners_port))}


def reloading(processes: dict[str, str]) -> dict[str, str]:
    """Return the same processes, worker and beat started anew when code changes; gunicorn sees to that by itself."""
    watch = ["watchfiles", "--filter", "python", "--sigint-timeout", "10"]
    return {
        # By a shell, as the Procfile's lines are meant: watchfiles expands no variable.
        name: shlex.join([*watch, shlex.join(["sh", "-c", f"exec {command}"]), *CODE])
        if name in ("worker", "beat")
        else command
        for name, command in processes.items()
    }


def partners_command(port: int) -> list[str]:
    """Return what runs the simulated partners on a port."""
    # With a memory, what they sold and were asked outlasts a restart, as our own data do.
    memory = str(Path(settings.DATA_DIR) / "partners.json")
    simulators = [sys.executable, "-m", "integrations.simulators"]
    return [*simulators, "--port", str(port), "--feed", "--memory", memory]


def environment(port: int, partners_port: int, *, reload: bool = False) -> dict[str, str]:
    """Return the processes' environment: ours, and defaults for what nobody has set."""
    gunicorn = ["--log-level", "warning"]
    if reload:
        gunicorn += ["--reload"]
        for template in sorted((Path(settings.BASE_DIR) / "templates").rglob("*.html")):
            gunicorn += ["--reload-extra-file", str(template)]
    base = f"http://127.0.0.1:{partners_port}"
    defaults = {name: f"{base}/{partner}" for name, partner in PARTNERS.items()}
    defaults |= {
        "PUBLIC_URL": f"http://localhost:{port}",
        "LOG_LEVEL": "WARNING",
        "GUNICORN_CMD_ARGS": shlex.join(gunicorn),
        # Root is at home in a container; Celery's eight lines about it would hide what matters.
        "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
    }
    if not settings.TELEGRAM_BOT_TOKEN:
        defaults |= simulated_telegram(base)
    return {
        **defaults,
        **os.environ,
        "PORT": str(port),
        "ORCHESTRATOR_URL": f"http://127.0.0.1:{port}",
        # The Procfile says `gunicorn` and `celery`: those of this environment.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
    }


def simulated_telegram(base: str) -> dict[str, str]:
    """Return a bot of the simulated Telegram. A real one's token never goes there."""
    return {
        "TELEGRAM_API_URL": f"{base}/telegram",
        "TELEGRAM_BOT_TOKEN": f"1000001:{secrets.token_urlsafe(26)}",
        "TELEGRAM_CHAT_ID": "1000002",
        "TELEGRAM_WEBHOOK_SECRET": secrets.token_urlsafe(24),
    }


def answers(url: str) -> bool:
    """Return whether something answers there with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:  # noqa: S310  our own loopback address
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False
