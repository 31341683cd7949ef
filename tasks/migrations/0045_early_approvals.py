"""Approvals of pay before its date: two new, append-only tables. No existing row is read or written."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

import kernel.ids

APPEND_ONLY = "".join(
    f"""
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION tasks_refuse_change();
"""
    for table in ("tasks_earlyapproval", "tasks_earlyapprovalitem")
)


class Migration(migrations.Migration):
    dependencies = [("tasks", "0044_gold_once_a_round")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="EarlyApproval",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=kernel.ids.new_public_id, editable=False, unique=True)),
                ("batch_number", models.PositiveIntegerField(null=True)),
                ("answers", models.PositiveIntegerField()),
                ("amount", models.DecimalField(decimal_places=6, max_digits=20)),
                ("currency", models.CharField(max_length=3)),
                ("created_at", models.DateTimeField()),
                (
                    "created_by",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.actor",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="projects.project"
                    ),
                ),
                (
                    "worker",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.actor",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(worker__isnull=False, batch_number__isnull=True)
                        | Q(worker__isnull=True, batch_number__isnull=False),
                        name="tasks_earlyapproval_of_worker_or_batch",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="EarlyApprovalItem",
            fields=[
                (
                    "entry",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="early_item",
                        serialize=False,
                        to="tasks.ledgerentry",
                    ),
                ),
                (
                    "approval",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="items", to="tasks.earlyapproval"
                    ),
                ),
            ],
        ),
        migrations.RunSQL(APPEND_ONLY, migrations.RunSQL.noop),
    ]
