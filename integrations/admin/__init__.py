"""The back office of outbox, inbox, channels and Telegram; and what the other apps' pages are made of."""

from integrations.admin import audits, channels, inbox, outbox, telegram

__all__ = ["audits", "channels", "inbox", "outbox", "telegram"]
