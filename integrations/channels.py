"""Every way out. Each has its own queue, lease and circuit breaker: one that hangs holds up no other."""

EVENTS = "events"
# What is fetched from Telegram waits for no quiet hours and for no turn to speak: it has a way of its own.
TELEGRAM_FILES = "telegram-files"
CHANNELS = (EVENTS, "scraperv2", "chatterbot", "ebaylister", "telegram", TELEGRAM_FILES)
