"""Timestamps from the database's clock, with which the sweep compares them."""

from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [("storage", "0002_blob_touched_at")]

    operations = [
        migrations.AlterField("blob", name, models.DateTimeField(db_default=Now()))
        for name in ("created_at", "touched_at")
    ]
