"""Invitations of one person by address, and teams. Columns that are null or have a default, an index without rows, and
two new tables."""

import django.db.models.deletion
from django.db import migrations, models

import kernel.ids


class Migration(migrations.Migration):
    dependencies = [("accounts", "0009_notice_mail")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(
            "invitation", "email", models.EmailField(blank=True, db_default="", default="", max_length=254)
        ),
        migrations.AddField("invitation", "needs_approval", models.BooleanField(db_default=False, default=False)),
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
        migrations.CreateModel(
            name="Team",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=kernel.ids.new_public_id, editable=False, unique=True)),
                ("name", models.CharField(max_length=80)),
                ("archived_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "organisation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="teams",
                        to="accounts.organisation",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TeamMember",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("is_lead", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="members", to="accounts.team"
                    ),
                ),
                (
                    "worker",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.actor",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            "team",
            models.UniqueConstraint(
                condition=models.Q(("archived_at__isnull", True)),
                fields=("organisation", "name"),
                name="accounts_team_one_name_per_organisation",
            ),
        ),
        migrations.AddConstraint(
            "teammember",
            models.UniqueConstraint(fields=("worker", "team"), name="accounts_teammember_one_per_worker_and_team"),
        ),
        migrations.AddConstraint(
            "teammember",
            models.UniqueConstraint(
                condition=models.Q(("is_lead", True)),
                fields=("team",),
                name="accounts_teammember_one_lead_per_team",
            ),
        ),
    ]
