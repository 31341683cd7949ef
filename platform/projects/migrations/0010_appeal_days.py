"""For how long workers may appeal. A constant default, which changes nothing: no row is written."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("projects", "0009_pay_terms")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField("project", "appeal_days", models.PositiveSmallIntegerField(default=0, db_default=0)),
    ]
