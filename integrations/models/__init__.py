"""The models of integrations, in one place to import from."""

from integrations.models.audit_run import AuditRun
from integrations.models.messages import Channel, DeliveryAttempt, InboxMessage, OutboxMessage
from integrations.models.pulse import Pulse
from integrations.models.telegram import (
    TelegramAlbum,
    TelegramMessage,
    TelegramPicture,
    TelegramSettings,
    TelegramUpdate,
    known_time_zone,
)

__all__ = [
    "AuditRun",
    "Channel",
    "DeliveryAttempt",
    "InboxMessage",
    "OutboxMessage",
    "Pulse",
    "TelegramAlbum",
    "TelegramMessage",
    "TelegramPicture",
    "TelegramSettings",
    "TelegramUpdate",
    "known_time_zone",
]
