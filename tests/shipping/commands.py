"""`python commands.py deploy|upgrade|backup`: a page's commands for a server without Docker, of docs/operations.

What a reader would put in for the page's stand-ins is put in; nothing else is changed.
"""

import re
import sys
from pathlib import Path

OPERATIONS = Path(__file__).resolve().parents[2] / "docs" / "operations"
SECTIONS = {
    "deploy": ["On a server without Docker"],
    "upgrade": ["On a server without Docker", "Taking it back"],
    "backup": ["On a server without Docker"],
}
READER = {
    "REPOSITORY": "/srv/repository",
    "your.name": "aetos.example",
    "aetos-20261129T021500.000000Z": '"$(cd /var/backups/aetos && ls -d aetos-* | tail -1)"',
    "createsuperuser": "createsuperuser --noinput --username admin --email admin@aetos.example",
}


def commands(page: str) -> str:
    """Take a page's name, return its commands; of each section but the first, the first block alone."""
    text = (OPERATIONS / f"{page}.md").read_text(encoding="utf-8")
    blocks: list[str] = []
    for heading in SECTIONS[page]:
        section = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
        found = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
        blocks += found if heading == SECTIONS[page][0] else found[:1]
    said = "\n".join(blocks)
    for word, meant in READER.items():
        said = said.replace(word, meant)
    return said


if __name__ == "__main__":
    sys.stdout.write(commands(sys.argv[1]))
