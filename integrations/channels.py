"""Every way out. Each has its own queue, lease and circuit breaker: one that hangs holds up no other."""

EVENTS = "events"
CHANNELS = (EVENTS, "scraperv2", "chatterbot", "ebaylister", "telegram")
