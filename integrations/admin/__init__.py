"""The back office of outbox, inbox and channels; and what the other apps' pages are made of."""

from integrations.admin import channels, inbox, outbox

__all__ = ["channels", "inbox", "outbox"]
