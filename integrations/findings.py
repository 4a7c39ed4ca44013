"""What an audit reports: which rule is broken, by what, and how."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Finding:
    """One row that breaks a rule: `subject` names it, `detail` says in words what is wrong, without personal data."""

    subject: str
    detail: str


@dataclass(frozen=True)
class Rule:
    """Something that must be true of any database of ours.

    `broken` takes how long unfinished work may take, and yields what breaks the
    rule; it reads in pieces, so that a database of any size can be audited.
    """

    name: str
    words: str
    broken: Callable[[timedelta], Iterator[Finding]]
