"""What a deleted project takes with it: its releases may go, and the ledger stays without the rows that it names."""

import django.db.models.deletion
from django.db import migrations, models

# As in 0002, except that a ready release of a deleted project can be deleted; it still cannot be changed.
FUNCTIONS = """
CREATE OR REPLACE FUNCTION tasks_snapshot_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'ready' AND NOT (TG_OP = 'DELETE' AND EXISTS (
        SELECT FROM projects_project p WHERE p.id = OLD.project_id AND p.deleted_at IS NOT NULL
    )) THEN
        RAISE EXCEPTION '% on % is not allowed: a ready release is immutable', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;

CREATE OR REPLACE FUNCTION tasks_snapshot_item_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE frozen boolean;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        frozen := true;
    ELSIF TG_OP = 'INSERT' THEN
        SELECT state = 'ready' INTO frozen FROM tasks_snapshot WHERE id = NEW.snapshot_id;
    ELSE
        SELECT s.state = 'ready' AND p.deleted_at IS NULL INTO frozen
        FROM tasks_snapshot s JOIN projects_project p ON p.id = s.project_id WHERE s.id = OLD.snapshot_id;
    END IF;
    IF frozen THEN
        RAISE EXCEPTION '% on % is not allowed: a release is immutable', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("projects", "0003_archived_and_deleted"), ("tasks", "0018_composed_exports")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.RunSQL(FUNCTIONS, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="ledgerentry",
            name="assignment",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="ledger",
                to="tasks.assignment",
            ),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="hand",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="ledger",
                to="tasks.hand",
            ),
        ),
    ]
