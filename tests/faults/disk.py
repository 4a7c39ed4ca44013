"""A disk that is full: the one that photos are kept on, and the one that uploads pass through."""

import errno
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.faults.bench import Bench, Fault, settled
from tests.faults.partners import purchased, upload
from tests.faults.report import Counts, Row
from tests.faults.stack import Stack

NAME = "disk: full under an upload"
PROTECTION, TWIN = "clearing away what was half written", "nothing is cleared away"
TIMES = 3
SIZE, ROOM = "4m", 150_000  # a photo needs more than there is room for, so that its file breaks off
PHOTO_SIDE = 900
OWN = ("wgunicorn", "aetos-metrics-")  # its workers' signs of life, and its counters


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Mount a small file system on a folder.

    Raises:
        PermissionError: only root may.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=1777", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode:
        raise PermissionError(done.stderr.strip())
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Fill the disk of a folder, up to the last ROOM bytes."""
    filler = folder / "filler"
    size = max(0, shutil.disk_usage(folder).free - ROOM)
    try:
        filler.write_bytes(b"\0" * size)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
    try:
        yield
    finally:
        filler.unlink()


def upload_on_a_full_disk(stack: Stack, media: Path, passing: Path, times: int, row: Row) -> Counts:
    """Upload photos while one of the disks is full, and again when it is not; count what was kept by halves."""
    counts = Counts()
    for number, camera in enumerate(purchased(stack, times * 2)):
        disk = (media, passing)[number % 2]
        with full(disk):
            answer = upload(stack, camera, width=PHOTO_SIDE)
            if answer.status_code not in (503, 507) or not answer.json().get("detail"):
                counts.findings.append(f"{disk.name} full: answered {answer.status_code}")
            # What an upload passed through goes when its connection ends, a moment after the answer.
            stack.wait(lambda: not left_behind(media, passing), 5)
            left = left_behind(media, passing)
            counts.findings += [f"{disk.name} full: {path.name} was left behind" for path in left]
            state = stack.api("GET", f"/admin/listings/{camera}").json()["state"]
            rows = stack.number("SELECT count(*) FROM listings_photo WHERE listing_id = %s", camera)
            counts.findings += (
                [f"refused, and yet {state} with {rows} photos"] if (state, rows) != ("PURCHASED", 0) else []
            )
        start = time.monotonic()
        answer = upload(stack, camera, width=PHOTO_SIDE)
        if answer.status_code != 201:
            counts.lost += 1
            counts.findings.append(f"then answered {answer.status_code}: {answer.text[:200]}")
        row.recovered.append(time.monotonic() - start)
        for path in left_behind(media):
            path.unlink()  # room for the next
    return counts


def left_behind(*folders: Path) -> list[Path]:
    """Return the files below some folders; the filler and what every web keeps (OWN) are none."""
    kept = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return [path for path in kept if path.name != "filler" and not any(own in str(path) for own in OWN)]


def run(bench: Bench, times: int, row: Row, **options: Any) -> Counts:
    """Run it in a stack whose web has small disks; return what came of it."""
    with TemporaryDirectory(prefix="aetos-disks-") as name:
        data, passing = Path(name) / "data", Path(name) / "passing"
        own = {"WEB0__DATA_DIR": str(data), "WEB0__TMPDIR": str(passing)}
        with small_disk(data / "media"), small_disk(passing), bench.stack(**own, **options) as stack:
            counts = upload_on_a_full_disk(stack, data / "media", passing, times, row)
            counts.add(settled(stack))
    return counts


def disk_full(bench: Bench) -> Row:
    """Do it, and its twin."""
    row, start = Row(NAME, protection=PROTECTION), time.monotonic()
    times = min(bench.times, TIMES)
    try:
        row.counts = run(bench, times, row)
    except PermissionError as error:
        row.note = f"not run, since only root may mount a small disk: {error}"
        bench.say(f"{NAME}: {row.note}")
        return row
    row.times = times * 2
    row.twin = run(bench, 1, Row(NAME), twins=(TWIN,))
    row.took = time.monotonic() - start
    bench.say(
        f"{NAME}: {row.counts.harm or 'refused and taken later'}; without {PROTECTION}: {row.twin.harm or 'NOTHING'}"
    )
    return row


FAULTS = (Fault(NAME, disk_full),)
