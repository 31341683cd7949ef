"""Actors that are service accounts. The database's column does not change."""

from django.db import migrations, models

KINDS = [
    ("person", "Person"),
    ("model", "Model"),
    ("import", "Import"),
    ("system", "System"),
    ("service", "Service"),
]


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_session_epoch")]

    operations = [
        migrations.AlterField(model_name="actor", name="kind", field=models.CharField(choices=KINDS, max_length=10)),
    ]
