"""`python -m tests.dependencies`: ask whether anything that is installed has a known hole.

pip-audit runs in an environment of its own, made here and thrown away. No answer is not a clean one: the status is
0 where nothing is known, 1 where something is, 2 where it could not be asked.
"""

import json
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 30  # for one answer of the service
CLEAN, HOLES, NOT_ASKED = 0, 1, 2


def main(given: list[str]) -> int:
    """Take pip-audit's own further arguments, return the status."""
    with tempfile.TemporaryDirectory(prefix="aetos-audit-") as folder:
        program = installed(Path(folder))
        if program is None:
            return not_asked("pip-audit could not be installed.")
        # What is installed here: what the requirements name, and what that brought along.
        place = ["--path", sysconfig.get_paths()["purelib"], "--timeout", str(SECONDS)]
        command = [str(program), "--strict", "--format=json", "--progress-spinner=off", *place, *given]
        done = subprocess.run(command, capture_output=True, text=True)
    return verdict(done.stdout, done.stderr)


def installed(folder: Path) -> Path | None:
    """Make an environment with pip-audit in it; None where that fails."""
    venv.create(folder / "venv", with_pip=True)
    pip = [str(folder / "venv" / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, "install", "--requirement", str(ROOT / "requirements-audit.txt")])
    return folder / "venv" / "bin" / "pip-audit" if done.returncode == 0 else None


def verdict(said: str, complaints: str) -> int:
    """Take what pip-audit wrote, say what it means, return the status."""
    found = _read(said)
    if found is None:
        return not_asked(complaints.strip()[-1000:] or "pip-audit said nothing.")
    skipped = [each["name"] for each in found if "skip_reason" in each]
    if skipped or not found:
        return not_asked(f"Not looked at: {', '.join(skipped) or 'anything'}.")
    holes = [(each, hole) for each in found for hole in each["vulns"]]
    for package, hole in holes:
        mended = ", ".join(hole.get("fix_versions", [])) or "no version yet"
        print(f"{package['name']} {package['version']}: {hole['id']}, mended in {mended}")
    print(f"{len(found)} packages asked about, {len(holes)} known holes.")
    return HOLES if holes else CLEAN


def _read(said: str) -> list[dict[str, Any]] | None:
    try:
        found = json.loads(said)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, list) else None


def not_asked(why: str) -> int:
    """Say that nothing is known."""
    print(
        f"NOT AUDITED: the vulnerability service could not be asked. Nothing is known.\n{why}",
        file=sys.stderr,
    )
    return NOT_ASKED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
