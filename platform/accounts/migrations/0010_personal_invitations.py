"""Invitations of one person by address. Columns that are null or have a default, and an index without rows."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_profiles")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(
            "invitation", "email", models.EmailField(blank=True, db_default="", default="", max_length=254)
        ),
        migrations.AddField("invitation", "grants", models.JSONField(null=True)),
        migrations.AddField("invitation", "mailed_at", models.DateTimeField(null=True)),
        migrations.AddField(
            "invitation",
            "accepted_by",
            models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.actor",
            ),
        ),
        migrations.AddConstraint(
            "invitation",
            models.UniqueConstraint(
                condition=models.Q(("revoked_at__isnull", True), ("uses", 0), models.Q(("email", ""), _negated=True)),
                fields=("project", "email"),
                name="accounts_invitation_one_open_per_project_and_address",
            ),
        ),
    ]
