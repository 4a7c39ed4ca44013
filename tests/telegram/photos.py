"""A person who sends pictures, and what happens to them."""

import itertools
from datetime import timedelta
from typing import Any

from django.db.models import F

from integrations import relay
from integrations.channels import TELEGRAM_FILES
from integrations.clock import now
from integrations.models import OutboxMessage, TelegramAlbum, TelegramPicture
from integrations.simulators.telegram_updates import PERSON
from listings import telegram_photo_answers
from tests.photos.zoo import a_file, drawing

_shades = itertools.count()


def a_picture() -> bytes:
    """Draw a picture like no other."""
    image = drawing()
    image.putpixel((next(_shades) % 64, 40), (255, 255, next(_shades) % 256))
    return a_file(image, "PNG")


class Pictures:
    """The person's pictures; `settle` is what worker and beat do."""

    def __init__(self, phone: Any) -> None:
        self.phone = phone

    def send(self, caption: str = "", picture: bytes | None = None, **options: Any) -> None:
        """Send a picture through the stand-in (none: one like no other)."""
        reply = self.phone.bot.send_photo(
            caption, picture=a_picture() if picture is None else picture, chat_id=PERSON, **options
        )
        assert reply.status == 200

    def settle(self) -> None:
        """Fetch what is due, let a while pass, and let the chat hear of it."""
        self.fetch()
        self.answer()

    def fetch(self) -> int:
        """Deliver what is due on the way of files, also what waits for another attempt."""
        OutboxMessage.objects.filter(channel=TELEGRAM_FILES).update(
            next_attempt_at=now() - timedelta(seconds=1)
        )
        return relay.serve(TELEGRAM_FILES)

    def answer(self, passed: timedelta = timedelta(seconds=10)) -> int:
        """Let a while pass, and run the sweep; return of how many albums it spoke."""
        self.pass_time(passed)
        spoken = telegram_photo_answers.answer()
        self.phone.serve()
        return spoken

    @staticmethod
    def pass_time(passed: timedelta) -> None:
        """Let everything be so much older."""
        TelegramPicture.objects.update(settled_at=F("settled_at") - passed)
        TelegramAlbum.objects.update(created_at=F("created_at") - passed)
