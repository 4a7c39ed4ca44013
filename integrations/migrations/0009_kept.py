from django.db import migrations, models

from integrations.indexes import BuildIndex


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("integrations", "0008_retention"),
    ]

    operations = [
        BuildIndex(
            "inboxmessage",
            models.Index(
                condition=models.Q(("emptied_at__isnull", True)), fields=["received_at"], name="inbox_kept"
            ),
        ),
        BuildIndex(
            "outboxmessage",
            models.Index(
                condition=models.Q(("delivered_at__isnull", False), ("emptied_at__isnull", True)),
                fields=["delivered_at"],
                name="outbox_kept",
            ),
        ),
    ]
