"""The outside world in plain values: outbox, inbox, relay, one client a partner. Knows no listing."""
