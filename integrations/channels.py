"""Every way out. Each has its own queue, its own lease and its own circuit breaker: one that hangs holds up no other."""

EVENTS = "events"
CHANNELS = (EVENTS, "scraperv2", "chatterbot", "ebaylister", "telegram")
