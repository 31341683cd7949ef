"""For how long an image that is sent back waits for its worker. A constant default, which changes nothing: no row is
written."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("projects", "0013_applications")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField("project", "send_back_days", models.PositiveSmallIntegerField(default=0, db_default=0)),
    ]
