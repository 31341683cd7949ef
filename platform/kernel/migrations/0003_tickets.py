"""Tickets: short-lived secrets that open one connection."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("kernel", "0002_queues")]

    operations = [
        migrations.CreateModel(
            name="Ticket",
            fields=[
                ("secret_sha256", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("data", models.JSONField()),
                ("expires_at", models.DateTimeField(db_index=True)),
            ],
        ),
    ]
