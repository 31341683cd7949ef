"""Whether a set ended with general advice."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tasks", "0028_stages_of_workers")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", "SET LOCAL lock_timeout = '5s'"),
        migrations.AddField(
            model_name="hand", name="advised", field=models.BooleanField(db_default=False, default=False)
        ),
        migrations.RunSQL("RESET lock_timeout", "RESET lock_timeout"),
    ]
