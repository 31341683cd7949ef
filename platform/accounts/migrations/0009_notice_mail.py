"""By which notices a person gets mails. No row is written."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_profiles")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField("user", "notice_mail", models.JSONField(null=True)),
    ]
