"""What is never changed is refused by the database itself, whoever asks."""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION tasks_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is not allowed: its rows are append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END $$;

-- Rows of which `is_current` alone may change.
CREATE FUNCTION tasks_only_current_changes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE before jsonb; after jsonb;
BEGIN
    before := to_jsonb(OLD) - 'is_current';
    after := to_jsonb(NEW) - 'is_current';
    IF before IS DISTINCT FROM after THEN
        RAISE EXCEPTION '% on % is not allowed: its rows are append-only', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
    END IF;
    RETURN NEW;
END $$;

-- A release may be built and then never changed.
CREATE FUNCTION tasks_snapshot_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'ready' THEN
        RAISE EXCEPTION '% on % is not allowed: a ready release is immutable', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;

CREATE FUNCTION tasks_snapshot_item_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE frozen boolean;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        frozen := true;
    ELSIF TG_OP = 'INSERT' THEN
        SELECT state = 'ready' INTO frozen FROM tasks_snapshot WHERE id = NEW.snapshot_id;
    ELSE
        SELECT state = 'ready' INTO frozen FROM tasks_snapshot WHERE id = OLD.snapshot_id;
    END IF;
    IF frozen THEN
        RAISE EXCEPTION '% on % is not allowed: a release is immutable', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;

CREATE TRIGGER tasks_ledgerentry_append_only BEFORE UPDATE OR DELETE ON tasks_ledgerentry
    FOR EACH ROW EXECUTE FUNCTION tasks_refuse_change();
CREATE TRIGGER tasks_annotation_append_only BEFORE UPDATE ON tasks_annotation
    FOR EACH ROW EXECUTE FUNCTION tasks_only_current_changes();
CREATE TRIGGER tasks_consensuslabel_append_only BEFORE UPDATE ON tasks_consensuslabel
    FOR EACH ROW EXECUTE FUNCTION tasks_only_current_changes();
CREATE TRIGGER tasks_review_append_only BEFORE UPDATE ON tasks_review
    FOR EACH ROW EXECUTE FUNCTION tasks_only_current_changes();
CREATE TRIGGER tasks_snapshot_append_only BEFORE UPDATE OR DELETE ON tasks_snapshot
    FOR EACH ROW EXECUTE FUNCTION tasks_snapshot_frozen();
CREATE TRIGGER tasks_snapshotitem_append_only BEFORE INSERT OR UPDATE OR DELETE ON tasks_snapshotitem
    FOR EACH ROW EXECUTE FUNCTION tasks_snapshot_item_frozen();
"""

UNDO = """
DROP TRIGGER tasks_ledgerentry_append_only ON tasks_ledgerentry;
DROP TRIGGER tasks_annotation_append_only ON tasks_annotation;
DROP TRIGGER tasks_consensuslabel_append_only ON tasks_consensuslabel;
DROP TRIGGER tasks_review_append_only ON tasks_review;
DROP TRIGGER tasks_snapshot_append_only ON tasks_snapshot;
DROP TRIGGER tasks_snapshotitem_append_only ON tasks_snapshotitem;
DROP FUNCTION tasks_refuse_change, tasks_only_current_changes, tasks_snapshot_frozen, tasks_snapshot_item_frozen;
"""


class Migration(migrations.Migration):
    dependencies = [("tasks", "0001_initial")]

    operations = [migrations.RunSQL(FUNCTIONS, UNDO)]
