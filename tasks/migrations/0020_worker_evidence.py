"""One record of the evidence about a worker: gold and reviews, in periods that end when the worker is resumed.

Standings keep their four columns of counts for one version, because processes of the version before still read and write
them while this one starts; what they write is added to the record by a trigger. They are no longer part of the model.
"""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Now

# Trust began at Beta(2, 1), so the counts since the last reset are what was added to that.
RECORD = """
CREATE FUNCTION tasks_fill_worker_evidence(standing tasks_standing) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    correct_now integer := greatest(round(standing.trust_alpha - 2), 0);
    incorrect_now integer := greatest(round(standing.trust_beta - 1), 0);
    correct_before integer := greatest(standing.gold_correct - correct_now, 0);
    incorrect_before integer := greatest(standing.gold_seen - standing.gold_correct - incorrect_now, 0);
    has_earlier boolean := correct_before + incorrect_before > 0;
BEGIN
    IF has_earlier THEN
        INSERT INTO tasks_workerevidence (project_id, worker_id, source, period, is_current, correct, incorrect)
        VALUES (standing.project_id, standing.worker_id, 'gold', 1, false, correct_before, incorrect_before)
        ON CONFLICT DO NOTHING;
    END IF;
    IF has_earlier OR correct_now + incorrect_now > 0 THEN
        INSERT INTO tasks_workerevidence (project_id, worker_id, source, period, correct, incorrect)
        VALUES (standing.project_id, standing.worker_id, 'gold', 1 + has_earlier::int, correct_now, incorrect_now)
        ON CONFLICT DO NOTHING;
    END IF;
END $$;

-- What a process of the version before writes. Its rows may not be filled yet, so they are filled first.
CREATE FUNCTION tasks_copy_to_worker_evidence() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    more_correct integer := NEW.gold_correct - OLD.gold_correct;
    more_incorrect integer := NEW.gold_seen - OLD.gold_seen - more_correct;
BEGIN
    PERFORM tasks_fill_worker_evidence(OLD);
    IF more_correct <> 0 OR more_incorrect <> 0 THEN
        INSERT INTO tasks_workerevidence AS evidence (project_id, worker_id, source, correct, incorrect)
        VALUES (NEW.project_id, NEW.worker_id, 'gold', more_correct, more_incorrect)
        ON CONFLICT (project_id, worker_id, source) WHERE is_current DO UPDATE
        SET correct = evidence.correct + excluded.correct, incorrect = evidence.incorrect + excluded.incorrect;
    ELSIF NEW.trust_alpha = 2 AND NEW.trust_beta = 1 THEN
        WITH ended AS (
            UPDATE tasks_workerevidence SET is_current = false
            WHERE project_id = NEW.project_id AND worker_id = NEW.worker_id AND is_current
            RETURNING project_id, worker_id, source, period
        )
        INSERT INTO tasks_workerevidence (project_id, worker_id, source, period)
        SELECT project_id, worker_id, source, period + 1 FROM ended;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tasks_standing_evidence AFTER UPDATE OF trust_alpha, trust_beta, gold_seen, gold_correct
    ON tasks_standing FOR EACH ROW
    WHEN ((OLD.trust_alpha, OLD.trust_beta, OLD.gold_seen, OLD.gold_correct)
        IS DISTINCT FROM (NEW.trust_alpha, NEW.trust_beta, NEW.gold_seen, NEW.gold_correct))
    EXECUTE FUNCTION tasks_copy_to_worker_evidence();
"""

# Counted at the commit, when a transaction takes no further lock but those of other verdicts, which the advisory lock
# puts in line: a transaction with verdicts on several workers' answers would deadlock with another one otherwise.
REVIEWS = """
CREATE FUNCTION tasks_count_review() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('tasks.reviews', NEW.project_id));
    INSERT INTO tasks_workerevidence AS evidence (project_id, worker_id, source, correct, incorrect)
    SELECT NEW.project_id, answer.actor_id, 'review',
        count(*) FILTER (WHERE NEW.verdict = 'approve'), count(*) FILTER (WHERE NEW.verdict = 'reject')
    FROM tasks_annotation answer
    WHERE answer.task_id = NEW.task_id AND answer.is_current AND answer.source = 'worker'
        AND answer.body_sha256 = NEW.label_hash
    GROUP BY answer.actor_id ORDER BY answer.actor_id
    ON CONFLICT (project_id, worker_id, source) WHERE is_current DO UPDATE
    SET correct = evidence.correct + excluded.correct, incorrect = evidence.incorrect + excluded.incorrect;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tasks_review_evidence AFTER INSERT ON tasks_review DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NOT NEW.by_policy AND NEW.annotation_id IS NULL AND NEW.verdict IN ('approve', 'reject'))
    EXECUTE FUNCTION tasks_count_review();
"""

# The version before finds its counts again, and rows of this one get the values that it expects.
UNDO = """
DROP TRIGGER tasks_review_evidence ON tasks_review;
DROP FUNCTION tasks_count_review;
DROP TRIGGER tasks_standing_evidence ON tasks_standing;
DROP FUNCTION tasks_copy_to_worker_evidence, tasks_fill_worker_evidence;
UPDATE tasks_standing s SET gold_seen = sums.seen, gold_correct = sums.correct,
    trust_alpha = 2 + sums.correct_now, trust_beta = 1 + sums.incorrect_now
FROM (
    SELECT project_id, worker_id, sum(correct + incorrect) AS seen, sum(correct) AS correct,
        coalesce(sum(correct) FILTER (WHERE is_current), 0) AS correct_now,
        coalesce(sum(incorrect) FILTER (WHERE is_current), 0) AS incorrect_now
    FROM tasks_workerevidence WHERE source = 'gold' GROUP BY 1, 2
) sums WHERE sums.project_id = s.project_id AND sums.worker_id = s.worker_id;
"""

DEFAULTS = "".join(
    f"ALTER TABLE tasks_standing ALTER COLUMN {column} SET DEFAULT {value};"
    for column, value in (("trust_alpha", 2), ("trust_beta", 1), ("gold_seen", 0), ("gold_correct", 0))
)
NO_DEFAULTS = "".join(
    f"ALTER TABLE tasks_standing ALTER COLUMN {column} DROP DEFAULT;"
    for column in ("trust_alpha", "trust_beta", "gold_seen", "gold_correct")
)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_session_epoch"),
        ("projects", "0003_archived_and_deleted"),
        ("tasks", "0019_deleted_projects"),
    ]

    operations = [
        # A new table, triggers and defaults: an instant each, but they must not wait in front of running work.
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="WorkerEvidence",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(choices=[("gold", "Gold"), ("review", "Review")], max_length=10)),
                ("period", models.PositiveIntegerField(db_default=1, default=1)),
                ("is_current", models.BooleanField(db_default=True, default=True)),
                ("correct", models.PositiveIntegerField(db_default=0, default=0)),
                ("incorrect", models.PositiveIntegerField(db_default=0, default=0)),
                ("started_at", models.DateTimeField(db_default=Now())),
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
                        fields=("project", "worker", "source", "period"),
                        name="tasks_workerevidence_period_once_per_worker_and_source",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("is_current", True)),
                        fields=("project", "worker", "source"),
                        name="tasks_workerevidence_one_current_per_worker_and_source",
                    ),
                ],
            },
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(DEFAULTS, NO_DEFAULTS)],
            state_operations=[
                migrations.RemoveField(model_name="standing", name="trust_alpha"),
                migrations.RemoveField(model_name="standing", name="trust_beta"),
                migrations.RemoveField(model_name="standing", name="gold_seen"),
                migrations.RemoveField(model_name="standing", name="gold_correct"),
            ],
        ),
        migrations.RunSQL(RECORD + REVIEWS, UNDO),
    ]
