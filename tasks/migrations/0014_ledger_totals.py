"""The sums of the ledger by worker, written by a trigger in the statement that adds the entries."""

import django.db.models.deletion
from django.db import migrations, models

# Rows are locked in a fixed order, so that two statements with entries of several workers cannot deadlock.
TRIGGER = """
CREATE FUNCTION tasks_add_to_ledger_totals() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tasks_ledgertotal AS total (project_id, worker_id, currency, answers, earned, paid)
    SELECT project_id, worker_id, currency, count(*) FILTER (WHERE kind = 'credit'),
        coalesce(sum(amount) FILTER (WHERE kind <> 'payout'), 0), coalesce(-sum(amount) FILTER (WHERE kind = 'payout'), 0)
    FROM added GROUP BY project_id, worker_id, currency ORDER BY project_id, worker_id, currency
    ON CONFLICT (project_id, worker_id, currency) DO UPDATE SET
        answers = total.answers + excluded.answers, earned = total.earned + excluded.earned,
        paid = total.paid + excluded.paid;
    RETURN NULL;
END $$;
CREATE TRIGGER tasks_ledgerentry_totals AFTER INSERT ON tasks_ledgerentry REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION tasks_add_to_ledger_totals();
"""

UNDO = """
DROP TRIGGER tasks_ledgerentry_totals ON tasks_ledgerentry;
DROP FUNCTION tasks_add_to_ledger_totals;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_session_epoch"),
        ("projects", "0001_initial"),
        ("tasks", "0013_import_item_keys"),
    ]

    operations = [
        migrations.CreateModel(
            name="LedgerTotal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("currency", models.CharField(max_length=3)),
                ("answers", models.PositiveIntegerField(db_default=0, default=0)),
                ("earned", models.DecimalField(db_default=0, decimal_places=6, default=0, max_digits=20)),
                ("paid", models.DecimalField(db_default=0, decimal_places=6, default=0, max_digits=20)),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="projects.project",
                    ),
                ),
                (
                    "worker",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.actor"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=["project", "worker", "currency"], name="tasks_ledgertotal_one_per_worker_and_currency"
                    )
                ],
            },
        ),
        migrations.RunSQL(TRIGGER, UNDO),
    ]
