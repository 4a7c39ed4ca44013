"""Backups: the database as of one moment, then the photos, checked, and put where only whole ones are."""

from aetos.backup.files import Damaged
from aetos.backup.make import make
from aetos.backup.restore import NotEmpty, restore
from aetos.backup.servers import ProgramFailed

__all__ = ["Damaged", "NotEmpty", "ProgramFailed", "make", "restore"]
