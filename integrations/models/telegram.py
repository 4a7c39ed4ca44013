"""What Telegram needs to be known: its settings, our messages there, its updates, and the pictures that people send."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from integrations.models.messages import InboxMessage


def known_time_zone(name: str) -> None:
    """Validate a time zone's name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValidationError("There is no such time zone; write it like Europe/London.") from None


class TelegramSettings(models.Model):
    """When Telegram keeps quiet: one row, which staff edit. What is said meanwhile is delivered at the end."""

    time_zone = models.CharField(max_length=64, default="Europe/London", validators=[known_time_zone])
    quiet_from = models.TimeField(null=True, blank=True, help_text="Empty: never quiet.")
    quiet_until = models.TimeField(
        null=True, blank=True, help_text="The next day's, where it is the earlier."
    )

    class Meta:
        verbose_name, verbose_name_plural = "Telegram settings", "Telegram"
        default_permissions = ("view", "change")
        constraints = (
            models.CheckConstraint(name="telegram_settings_are_one", condition=Q(pk=1)),
            models.CheckConstraint(
                name="telegram_quiet_hours_have_both_ends",
                condition=Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | Q(quiet_from__isnull=False, quiet_until__isnull=False),
                violation_error_message="Quiet hours need both a beginning and an end.",
            ),
        )

    def __str__(self) -> str:
        return "Telegram settings"

    @classmethod
    def load(cls) -> "TelegramSettings":
        """Return the row, made with the defaults where it is missing."""
        return cls.objects.get_or_create(pk=1)[0]


class TelegramMessage(models.Model):
    """One message of ours in a chat: what it is about, what it said, and what its buttons have done.

    Telegram shows no old message to a bot, so what an edit must repeat is kept here.
    """

    chat_id = models.BigIntegerField()
    message_id = models.BigIntegerField()
    subject = models.UUIDField(
        null=True, blank=True, db_index=True, help_text="The listing, if it is about one."
    )
    text = models.TextField(help_text="As it was sent.")
    buttons = models.JSONField(default=list, help_text="Rows of those that can still be pressed.")
    taps = models.JSONField(
        default=list, help_text="What was pressed, and the line that tells what came of it."
    )
    sent_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ("-id",)
        default_permissions = ("view",)
        constraints = (
            models.UniqueConstraint(fields=["chat_id", "message_id"], name="telegram_message_once"),
        )
        indexes = (models.Index(fields=["-sent_at"], name="telegram_newest"),)

    def __str__(self) -> str:
        return f"Message {self.message_id}"


class TelegramUpdate(models.Model):
    """An update that was understood: Telegram may deliver one several times, and it counts once."""

    update_id = models.BigIntegerField(primary_key=True)
    inbox = models.ForeignKey(InboxMessage, on_delete=models.CASCADE, related_name="+")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"Update {self.update_id}"


class TelegramAlbum(models.Model):
    """Pictures that somebody sent together, or one alone, and the listing that any of them names.

    Telegram sends an update for each, in any order and without saying which is
    the last; as a rule only one of them has the caption.
    """

    chat_id = models.BigIntegerField()
    name = models.CharField(
        max_length=80, help_text="Telegram's media_group_id, or the one message's number."
    )
    subject = models.UUIDField(null=True, blank=True, help_text="The listing, once it is known.")
    unknown = models.CharField(
        max_length=36, blank=True, default="", help_text="What looked like a code, and is no listing's."
    )
    by = models.CharField(max_length=200, help_text="telegram:NAME")
    created_at = models.DateTimeField(db_default=Now())
    asked_at = models.DateTimeField(
        null=True, blank=True, help_text="When the chat was asked which listing it is of."
    )

    class Meta:
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["chat_id", "name"], name="telegram_album_once"),)
        indexes = (
            models.Index(
                fields=["created_at"],
                name="telegram_album_unnamed",
                condition=Q(subject__isnull=True, asked_at__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return f"Album {self.name}"


class TelegramPicture(models.Model):
    """A picture that somebody sent: what it takes to fetch it, what became of it, and whether the chat was told."""

    class Outcome(models.TextChoices):
        WAITING = "waiting", "waiting for its listing"
        FETCHING = "fetching", "to be fetched"
        KEPT = "kept", "a photo of the listing"
        KNOWN = "known", "a photo of the listing before"
        REFUSED = "refused", "not kept"
        FAILED = "failed", "could not be fetched"

    album = models.ForeignKey(TelegramAlbum, on_delete=models.CASCADE, related_name="pictures")
    message_id = models.BigIntegerField()
    file_id = models.CharField(max_length=200)
    file_unique_id = models.CharField(max_length=100)
    size = models.BigIntegerField(null=True, blank=True, help_text="Bytes, where Telegram said it.")
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.WAITING)
    reason = models.TextField(blank=True, default="", help_text="Why it was not kept.")
    settled_at = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True, help_text="When the chat was told the outcome.")

    class Meta:
        ordering = ("message_id", "id")
        default_permissions = ()
        constraints = (
            # Somebody may put another picture into a message that was sent.
            models.UniqueConstraint(
                fields=["album", "message_id", "file_unique_id"], name="telegram_picture_once"
            ),
        )
        indexes = (
            models.Index(
                fields=["settled_at"],
                name="telegram_picture_untold",
                condition=Q(settled_at__isnull=False, told_at__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return f"Picture of message {self.message_id}"
