"""Make `.venv` and install into it what a requirements file lists: what `make` asks for before anything else.

Run by its path, with Python 3.11 or later; it needs the standard library alone.

    python3 aetos/management/install.py requirements.txt

Does nothing where that is done already. Ends with status 1 and a sentence that says what to do where it can't.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
RUN, TESTS = "requirements.txt", "requirements-dev.txt"
WHAT = {RUN: "what it runs on", TESTS: "what the tests need"}
# The environment, and what the packages are unpacked from meanwhile.
NEEDED_MB = {RUN: 400, TESTS: 1000}
FULL_MB = 50
# What an error says of a disk, or of a quota, whatever the language of its words.
FULL = re.compile(rf"(?:Errno |OSError\()(?:{errno.ENOSPC}|{errno.EDQUOT})\b")
BEGUN = "begun"


class NotInstalled(Exception):
    """It can't be installed; the text says what to do."""


def install(name: str) -> None:
    """Take a requirements file's name, bring `.venv` to hold what it lists. Raises NotInstalled."""
    if is_done(name):
        return
    with alone():
        if is_done(name):  # by the one that we have waited for
            return
        known = stamp(name).exists()
        if not known:
            refuse_without_room(name)
        if has_moved() or not is_usable():
            make_environment()
        # One that was cut short has left packages that pip takes for whole.
        again = ["--ignore-installed"] if read(stamp(name)) == BEGUN else []
        print(f"Installing {WHAT[name]} (once) ...", flush=True)  # noqa: T201
        try:
            stamp(name).write_text(BEGUN, encoding="utf-8")
            pip_install(name, again)
            for done in {name, RUN}:  # the one for the tests includes the other
                stamp(done).write_text(mark(done), encoding="utf-8")
        except OSError as error:
            raise NotInstalled(why_not(error.strerror or str(error), str(error))) from error


def stamp(name: str) -> Path:
    """Return the file that says what was installed of a requirements file, and where."""
    return VENV / f".{Path(name).stem}"


def read(path: Path) -> str:
    """Return a file's text, or nothing where there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def mark(name: str) -> str:
    """Return what the stamp says once all is installed: of which list, and in which place."""
    lists = b"".join((ROOT / each).read_bytes() for each in sorted({name, RUN}))
    return f"{hashlib.sha256(lists).hexdigest()}\n{VENV.resolve()}\n"


def is_done(name: str) -> bool:
    """Return whether `.venv` holds what the file lists now, on a Python that is still there."""
    return read(stamp(name)) == mark(name) and (is_our_own() or is_usable())


def has_moved() -> bool:
    """Return whether the folder was renamed since: the scripts in an environment know it by its old name."""
    places = {line for name in WHAT for line in read(stamp(name)).splitlines()[1:]}
    return bool(places - {str(VENV.resolve())})


def is_our_own() -> bool:
    """Return whether it is the environment that we run in."""
    return Path(sys.prefix).resolve() == VENV.resolve()


def is_usable() -> bool:
    """Return whether there is an environment with pip, on a Python that is new enough and still there."""
    ask = "import pip, sys; sys.exit(sys.version_info < (3, 11))"
    try:
        return (
            subprocess.run([VENV / "bin" / "python", "-c", ask], capture_output=True, check=False).returncode
            == 0
        )
    except OSError:
        return False


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Wait until no other one installs here. Raises NotInstalled where nothing can be written."""
    place = VENV.resolve().parent
    for needed in (place, VENV):
        if needed.exists() and not os.access(needed, os.W_OK):
            raise NotInstalled(
                f"You can't write to {needed}. Make it yours (chown), or clone where you may write."
            )
    folder = os.open(place, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another make installs here; waiting for it ...", flush=True)  # noqa: T201
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def free_mb(folder: Path) -> int:
    """Return the room in the file system of a folder, in megabytes."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free // 1_000_000


def refuse_without_room(name: str) -> None:
    """Raise NotInstalled where it will not fit, before half of it is there."""
    place, needed = VENV.resolve().parent, NEEDED_MB[name]
    if (free := free_mb(place)) < needed:
        raise NotInstalled(f"{place} has {free} MB of room, and {needed} MB are needed. Make room there.")


def make_environment() -> None:
    """Make `.venv`, anew where there is one. Raises NotInstalled."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError as error:
        raise NotInstalled(
            f"{version} can't make environments. On Debian and Ubuntu: apt-get install {version}-venv"
        ) from error
    print(f"Making .venv with Python {platform.python_version()} ...", flush=True)  # noqa: T201
    # We may run on the Python of the very environment that is made anew.
    python = getattr(sys, "_base_executable", "") or sys.executable
    made = subprocess.run(
        [python, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True, check=False
    )
    if made.returncode:
        if not VENV.is_symlink():
            shutil.rmtree(VENV, ignore_errors=True)
        said = (made.stdout + made.stderr).strip()
        raise NotInstalled(why_not((said.splitlines() or ["venv failed"])[-1], said))


def pip_install(name: str, options: list[str]) -> None:
    """Install what the file lists; pip says itself what it misses, unless that is room. Raises NotInstalled."""
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet", "--quiet"]
    command = [*pip, "install", *options, "-r", name]
    ran = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, errors="replace", check=False)
    if not ran.returncode:
        return
    if not FULL.search(ran.stderr):
        sys.stderr.write(ran.stderr)
    no_way = "pip could not install it. Is there a way to its package index (network, proxy)?"
    raise NotInstalled(why_not(no_way, ran.stderr))


def why_not(reason: str, said: str = "") -> str:
    """Return the sentence that says what to do.

    Takes a reason, and all that `said` something about it: a full disk is behind most, and often has room again by
    the time that it is looked at.
    """
    places = {VENV.resolve(): "", Path(tempfile.gettempdir()): ", or name another by TMPDIR"}
    for folder, other in places.items():
        if (free := free_mb(folder)) < FULL_MB:
            return (
                f"{folder} has {free} MB of room left. Make room there{other}; then the same command goes on."
            )
    if FULL.search(said):
        return (
            f"There is no room for what is installed: in {' or '.join(map(str, places))} the disk, its number of "
            "files or your quota is used up (df -h, df -i). Make room there; then the same command goes on."
        )
    return f"{reason} The same command goes on from here."


def main(given: list[str]) -> int:
    """Take the command line, return the exit status."""
    try:
        install(given[0])
    except NotInstalled as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        print("Interrupted. The same command goes on from here.", file=sys.stderr)  # noqa: T201
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
