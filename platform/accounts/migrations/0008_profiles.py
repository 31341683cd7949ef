"""What a person says of country and languages, and the kind of their device. No row is written."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_blocks")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField("user", "country", models.CharField(blank=True, db_default="", default="", max_length=2)),
        migrations.AddField(
            "user",
            "languages",
            django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=3), null=True, size=None),
        ),
        migrations.AddField("user", "device", models.CharField(blank=True, db_default="", default="", max_length=10)),
    ]
