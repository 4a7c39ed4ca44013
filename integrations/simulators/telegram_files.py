"""The files of the Telegram stand-in: photos in several sizes, documents, and their download."""

import hashlib
import itertools
from dataclasses import dataclass
from typing import Any

from integrations.simulators.bot_requests import BotError, refused
from integrations.simulators.pictures import camera
from integrations.simulators.telegram_updates import SIZES
from integrations.simulators.wire import Answer

# Bots may download that much; larger files can be sent by people all the same.
LARGEST = 20 * 1024 * 1024


@dataclass(frozen=True)
class File:
    """One file: its two ids, where it is downloaded, and its bytes."""

    file_id: str
    unique_id: str
    path: str
    content: bytes


class Files:
    """The files by file_id."""

    def __init__(self) -> None:
        self._files: dict[str, File] = {}
        self._numbers = itertools.count(1)

    def photo(self, picture: bytes | None = None) -> list[dict[str, Any]]:
        """Take a picture (none: a drawing), return its sizes as a message lists them, the largest last.

        The smaller sizes of a given picture are drawings: who downloads one of them has taken the
        wrong size.
        """
        shade = next(self._numbers)
        sizes = []
        for width, height in SIZES:
            content = camera(width, height, shade % 4)
            if picture is not None and (width, height) == SIZES[-1]:
                content = picture
            file = self._keep("AgAC", "photos", "jpg", content)
            sizes.append(_told(file) | {"width": width, "height": height})
        return sizes

    def document(self, content: bytes | None = None) -> dict[str, Any]:
        """Take a file (none: a drawing), return it as a message tells of one that is sent uncompressed."""
        content = camera(*SIZES[-1], next(self._numbers) % 4) if content is None else content
        kind = "heic" if content[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1") else "jpg"
        file = self._keep("BQAC", "documents", kind, content)
        mime = "image/heic" if kind == "heic" else "image/jpeg"
        return {"file_name": f"IMG_0001.{kind}", "mime_type": mime} | _told(file)

    def hold(self, file_id: str, unique_id: str, content: bytes) -> None:
        """Take a file under ids of the caller's making, such as those of a recorded update."""
        self._files[file_id] = File(file_id, unique_id, f"photos/file_{next(self._numbers)}.jpg", content)

    def sent(self, photo: Any) -> list[dict[str, Any]]:
        """Take what sendPhoto was given, return the photo's sizes; raise BotError where there is no photo."""
        if isinstance(photo, bytes) and photo:
            return self.photo(photo)
        if not photo or not isinstance(photo, str):
            raise BotError(400, "there is no photo in the request")
        if photo in self._files:
            return self.photo(self._files[photo].content)
        if not photo.startswith(("http://", "https://")):
            raise BotError(400, "wrong file identifier/HTTP URL specified")
        # The picture behind an address is not fetched: nothing here leaves this machine.
        return self.photo()

    def info(self, file_id: str) -> dict[str, Any]:
        """Take a file_id, return what getFile tells; raise BotError for an unknown or too large file."""
        file = self._files.get(file_id)
        if file is None:
            raise BotError(400, "wrong file_id or the file is temporarily unavailable")
        if len(file.content) > LARGEST:
            raise BotError(400, "file is too big")
        return _told(file) | {"file_path": file.path}

    def download(self, path: str) -> Answer:
        """Take a file_path, return the answer with the file's bytes, or a 404."""
        for file in self._files.values():
            if file.path == path:
                return Answer(200, file.content, "application/octet-stream")
        return refused(BotError(404))

    def names(self) -> list[str]:
        """Return the paths of all files."""
        return [file.path for file in self._files.values()]

    def _keep(self, prefix: str, folder: str, kind: str, content: bytes) -> File:
        number = next(self._numbers)
        unique_id = "AQAD" + hashlib.sha256(content).hexdigest()[:12]
        file = File(
            f"{prefix}AgQAAxk{number:012d}{unique_id}", unique_id, f"{folder}/file_{number}.{kind}", content
        )
        self._files[file.file_id] = file
        return file


def _told(file: File) -> dict[str, Any]:
    return {"file_id": file.file_id, "file_unique_id": file.unique_id, "file_size": len(file.content)}
