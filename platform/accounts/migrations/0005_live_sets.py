"""How many sets a worker may have in progress at once over all projects of an organization."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_service_accounts")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="organisation",
            name="live_sets",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
    ]
