"""Pay by object and by time, top-ups, bonuses, payouts, and pay that waits for its approval: columns and new tables.

The columns are nullable or have a constant default, so no row is written.
"""

import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Now

import kernel.ids

KINDS = [
    ("credit", "Credit"),
    ("correction", "Correction"),
    ("payout", "Payout"),
    ("top_up", "Top Up"),
    ("bonus", "Bonus"),
]

COMMITTED = """
CREATE OR REPLACE TRIGGER tasks_ledgerentry_committed AFTER INSERT ON tasks_ledgerentry FOR EACH ROW
    WHEN (NEW.kind IN ({kinds})) EXECUTE FUNCTION tasks_commit_corrections();
"""
APPEND_ONLY = "".join(
    f"""
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION tasks_refuse_change();
"""
    for table in ("tasks_workedtime", "tasks_payoutrun", "tasks_payout", "tasks_payoutitem")
)


class Migration(migrations.Migration):
    dependencies = [("projects", "0009_pay_terms"), ("tasks", "0030_repairs")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField("hand", "pay_terms", models.JSONField(null=True)),
        migrations.AddField("ledgerentry", "seconds", models.DecimalField(decimal_places=6, max_digits=14, null=True)),
        migrations.AddField(
            "ledgerentry", "reason", models.CharField(blank=True, db_default="", default="", max_length=300)
        ),
        migrations.AddField(
            "ledgerentry",
            "made_by",
            models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.actor",
            ),
        ),
        migrations.AddField("ledgerentry", "approved_at", models.DateTimeField(null=True)),
        migrations.AlterField("ledgerentry", "kind", models.CharField(choices=KINDS, max_length=10)),
        migrations.RunSQL(
            COMMITTED.format(kinds="'correction', 'top_up', 'bonus'"), COMMITTED.format(kinds="'correction'")
        ),
        migrations.CreateModel(
            name="WorkedTime",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField()),
                (
                    "hand",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="tasks.hand",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="projects.project",
                    ),
                ),
                (
                    "worker",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.actor",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["worker", "ended_at"], name="tasks_workedtime_of_worker")],
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(ended_at__gt=F("started_at")), name="tasks_workedtime_ends_after_start"
                    ),
                    django.contrib.postgres.constraints.ExclusionConstraint(
                        name="tasks_workedtime_no_moment_twice",
                        expressions=[
                            (Func(F("worker_id"), F("worker_id"), Value("[]"), function="int8range"), "&&"),
                            (
                                Func(
                                    F("started_at"),
                                    F("ended_at"),
                                    function="tstzrange",
                                    output_field=django.contrib.postgres.fields.ranges.DateTimeRangeField(),
                                ),
                                "&&",
                            ),
                        ],
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PayoutRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=kernel.ids.new_public_id, editable=False, unique=True)),
                ("until", models.DateTimeField()),
                ("provider", models.CharField(max_length=20)),
                ("created_at", models.DateTimeField(db_default=Now())),
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
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payout_runs",
                        to="accounts.organisation",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Payout",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=kernel.ids.new_public_id, editable=False, unique=True)),
                ("currency", models.CharField(max_length=3)),
                ("entries", models.PositiveIntegerField()),
                ("earned", models.DecimalField(decimal_places=6, max_digits=20)),
                ("brought", models.DecimalField(decimal_places=6, max_digits=20)),
                ("amount", models.DecimalField(decimal_places=6, max_digits=20)),
                ("carried", models.DecimalField(decimal_places=6, max_digits=20)),
                ("payee_name", models.CharField(blank=True, max_length=120)),
                ("payee_email", models.CharField(blank=True, max_length=254)),
                (
                    "run",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payouts",
                        to="tasks.payoutrun",
                    ),
                ),
                (
                    "worker",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="payouts", to="accounts.actor"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=["run", "worker", "currency"], name="tasks_payout_one_per_run_worker_and_currency"
                    ),
                    models.CheckConstraint(
                        condition=Q(amount__gt=0, carried__gte=0, amount=F("earned") + F("brought") - F("carried")),
                        name="tasks_payout_adds_up",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PayoutItem",
            fields=[
                (
                    "entry",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="paid_item",
                        serialize=False,
                        to="tasks.ledgerentry",
                    ),
                ),
                (
                    "payout",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="items", to="tasks.payout"
                    ),
                ),
            ],
        ),
        migrations.RunSQL(APPEND_ONLY, migrations.RunSQL.noop),
    ]
