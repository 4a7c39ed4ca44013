"""The channels: which way out answers, and which is held back."""

from datetime import datetime

from django.conf import settings
from django.contrib import admin
from django.db.models import Count, F, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from integrations import clock
from integrations.admin.base import ReadOnlyAdmin
from integrations.channels import EVENTS
from integrations.models import Channel, OutboxMessage
from integrations.show import badge, link, since, text


def health(channel: Channel, now: datetime | None = None) -> tuple[str, str]:
    """Say in words, and as a tone, whether a channel works."""
    if channel.name == EVENTS and not outbox_delivers_events():
        return "no broker: events stay here", ""
    if channel.is_closed(now or clock.now()):
        until = timezone.localtime(channel.closed_until)
        return f"held back until {until:%H:%M:%S}", "bad"
    if channel.failures:
        return f"failing, {channel.failures} in a row", "warn"
    return ("answers", "good") if channel.last_success_at else ("not used yet", "")


def outbox_delivers_events() -> bool:
    """Say whether there is a broker that events could go to."""
    return bool(settings.RABBITMQ_URL)


def waiting_by_channel() -> dict[str, int]:
    """Count what is neither delivered nor given up, by channel: a small, indexed part of the outbox."""
    pending = OutboxMessage.objects.filter(delivered_at__isnull=True, given_up_at__isnull=True)
    return dict(pending.order_by().values_list("channel").annotate(count=Count("id")))


@admin.register(Channel)
class ChannelAdmin(ReadOnlyAdmin):
    """Channels, read-only."""

    list_display = ("channel", "health", "last_error_text", "last_success")
    empty_words = "Nothing has left yet. The first delivery makes its channel appear here."

    @admin.display(description="Channel", ordering="name")
    def channel(self, row: Channel) -> SafeString:
        """Link to what goes out on it."""
        return link(f"{reverse('admin:integrations_outboxmessage_changelist')}?channel={row.name}", row.name)

    @admin.display(description="State")
    def health(self, row: Channel) -> SafeString:
        """Show the breaker."""
        return badge(*health(row))

    @admin.display(description="Last error")
    def last_error_text(self, row: Channel) -> SafeString:
        """Show the last error; a success clears it."""
        return text(row.last_error, limit=120)

    @admin.display(description="Last success", ordering=F("last_success_at").asc(nulls_first=True))
    def last_success(self, row: Channel) -> SafeString:
        """Show when it last answered."""
        return since(row.last_success_at)

    def record(self, request: HttpRequest, row: Channel) -> dict[str, object]:
        """Show one channel."""
        pending = OutboxMessage.objects.filter(
            Q(channel=row.name), delivered_at__isnull=True, given_up_at__isnull=True
        ).count()
        listed = f"{reverse('admin:integrations_outboxmessage_changelist')}?channel={row.name}&state="
        facts = [
            ("State", badge(*health(row))),
            ("Failures in a row", row.failures),
            ("Last error", text(row.last_error)),
            ("Last success", since(row.last_success_at)),
            ("Waiting", link(f"{listed}pending", pending)),
            ("Served now", "yes" if row.leased_until and row.leased_until > timezone.now() else "no"),
        ]
        return {"title": f"Channel {row.name}", "sections": [("Health", facts)]}
