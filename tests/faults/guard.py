"""The harness's guard: whatever ends the harness, even a SIGKILL, nothing that it started outlives it.

The process that was called is the guard: it does no work, but is the parent to
whom all falls that loses its own (Linux: a child subreaper). The harness is its
child, and is interrupted when its guard dies. Elsewhere there is no guard.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType

INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_FOLDER_SECONDS = 10.0


def guarded(work: Callable[[], int]) -> int:
    """Do the work in a child process; return its exit status, with nothing left of it.

    Args:
        work: returns an exit status. It gets KeyboardInterrupt for any of INTERRUPTS.
    """
    if not sys.platform.startswith("linux"):
        _interruptible()
        return work()
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # One place for all of them, and servers that run as another user must be able to enter it.
    folder = Path(tempfile.mkdtemp(prefix="aetos-faults-run-"))
    folder.chmod(0o755)
    sys.stdout.flush()
    harness = os.fork()
    if not harness:
        os.setsid()  # a signal to the guard's whole group leaves the harness time to end what it started
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        _interruptible()
        tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
        status = 1
        try:
            status = work()
        except BaseException:  # noqa: BLE001  this process must not go on as its parent does
            traceback.print_exc()
        finally:
            remove(folder)  # the guard may be gone
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    for number in INTERRUPTS:
        signal.signal(number, lambda *_: os.kill(harness, signal.SIGINT))
    try:
        ended = status = 0
        while ended != harness:  # servers run as daemons: they are this process's to bury
            ended, status = os.waitpid(-1, 0)
        code = os.waitstatus_to_exitcode(status)
        return code if code >= 0 else 128 - code  # as a shell has it for a signal
    finally:
        end_orphans()
        remove(folder)


def _interruptible() -> None:
    for number in INTERRUPTS:
        signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def end_orphans() -> None:
    """Kill every process that is below this one, those too that fall to it as their parents die."""
    while children := children_of(os.getpid()):
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        for pid in children:
            os.waitpid(pid, 0)


def children_of(process: int) -> list[int]:
    """Return the ids of the processes whose parent this one is."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has ended meanwhile
        found += [int(stat.parent.name)] if parent == process else []
    return found


def remove(folder: Path) -> None:
    """Delete a folder with all that is mounted below it; what dies may still write there for a moment."""
    for line in Path("/proc/mounts").read_text().splitlines():
        place = line.split()[1]
        if place.startswith(f"{folder}/"):
            subprocess.run(["umount", "-l", place], check=False)
    end = time.monotonic() + _FOLDER_SECONDS
    while folder.exists() and time.monotonic() < end:
        shutil.rmtree(folder, ignore_errors=True)
