"""What always holds of changed classes, appeals, exams and pauses. See `tests.invariants`."""

_NO_CHANGE_GOES_ON = """NOT EXISTS (
    SELECT FROM tasks_classchange c WHERE c.project_id = p.id AND (c.state IN ('applying', 'restoring') OR EXISTS (
        SELECT FROM kernel_job j WHERE j.kind = 'flow.change_classes' AND j.state IN ('queued', 'running')
            AND (j.args->>'change_id')::bigint = c.id)))"""

#: {forbidden state: query for rows in that state}. The first column of a row identifies it.
DECISIONS = {
    "A label has a class that was merged into another or split": f"""
        SELECT l.id, m.key, m.value FROM tasks_consensuslabel l JOIN tasks_task t ON t.id = l.task_id
        JOIN projects_project p ON p.id = l.project_id JOIN projects_labelschema s ON s.id = p.schema_id
        CROSS JOIN jsonb_each(s.mapping) m
        WHERE l.is_current AND l.body->'image'->>'class' = m.key AND {_NO_CHANGE_GOES_ON}
          AND (m.value <> 'null' OR (l.method <> 'gold' AND t.state <> 'left_out'))""",
    "An answer of a settled set counts for an unfinished image, though it names a class that was split": f"""
        SELECT a.id, m.key FROM tasks_assignment a JOIN tasks_hand h ON h.id = a.hand_id AND h.state = 'settled'
        JOIN tasks_task t ON t.id = a.task_id AND t.round = a.round AND (t.state = 'open' OR t.asked_again)
        JOIN tasks_annotation n ON n.assignment_id = a.id AND n.is_current
        JOIN projects_project p ON p.id = a.project_id JOIN projects_labelschema s ON s.id = p.schema_id
        CROSS JOIN jsonb_each(s.mapping) m
        WHERE a.state = 'submitted' AND a.counts AND m.value = 'null' AND n.body->'image'->>'class' = m.key
          AND {_NO_CHANGE_GOES_ON} AND NOT EXISTS (
              SELECT FROM kernel_job j WHERE j.kind = 'flow.settle_late_answer' AND j.state IN ('queued', 'running')
                  AND (j.args->>'assignment_id')::bigint = a.id)""",
    "A rejected answer counts": """
        SELECT r.id, r.state FROM tasks_rejectedanswer r JOIN tasks_assignment a ON a.id = r.assignment_id
        JOIN tasks_task t ON t.id = a.task_id AND t.round = a.round WHERE a.counts AND r.review_id IS NOT NULL""",
    "An appeal was decided twice, or is decided without a decision": """
        SELECT r.id, r.state, count(e.id) FROM tasks_rejectedanswer r
        LEFT JOIN kernel_event e ON e.project_id = r.project_id AND e.kind = 'appeal.decided'
            AND e.data->>'appeal' = r.public_id::text
        GROUP BY r.id HAVING count(e.id) <> CASE WHEN r.state IN ('upheld', 'denied') THEN 1 ELSE 0 END""",
    "An upheld appeal left its check image in use": """
        SELECT r.id, g.id FROM tasks_rejectedanswer r JOIN tasks_assignment a ON a.id = r.assignment_id
        JOIN tasks_gold g ON g.id = a.gold_id WHERE r.state = 'upheld' AND g.state <> 'retired'""",
    "An image of a qualification is a check image, or work that somebody received": """
        SELECT q.id FROM tasks_qualificationimage q
        WHERE EXISTS (SELECT FROM tasks_gold g WHERE g.image_id = q.image_id)
            OR EXISTS (SELECT FROM tasks_assignment a JOIN tasks_task t ON t.id = a.task_id
                       WHERE t.image_id = q.image_id)""",
    "An exam says which answers are right before it ends, or its result is not theirs": """
        SELECT a.id, a.state, a.correct, count(i.id) FILTER (WHERE i.correct) FROM tasks_attempt a
        JOIN tasks_attemptitem i ON i.attempt_id = a.id
        WHERE a.kind = 'exam' GROUP BY a.id
        HAVING CASE WHEN a.state = 'live' THEN count(i.correct) > 0
            ELSE count(i.correct) <> count(*) OR a.images <> count(*) OR a.correct <> count(*) FILTER (WHERE i.correct)
                OR (a.state = 'passed') <> (a.correct >= a.pass_mark * a.images - 0.000000001) END""",
    "A passed exam gave no qualification": """
        SELECT a.id FROM tasks_attempt a WHERE a.state = 'passed' AND NOT EXISTS (
            SELECT FROM tasks_qualificationgrant g
            WHERE g.qualification_id = a.qualification_id AND g.worker_id = a.worker_id)""",
    "A worker who is not paused waits for a decision on a pause": """
        SELECT id, state FROM tasks_standing WHERE awaits_decision AND state <> 'paused'""",
    "Two changes of a project's classes, or of one worker's answers, go on at once": """
        SELECT project_id, 0 FROM tasks_classchange WHERE state IN ('applying', 'restoring')
        GROUP BY 1 HAVING count(*) > 1
        UNION ALL SELECT project_id, worker_id FROM tasks_repair WHERE state IN ('voiding', 'restoring')
        GROUP BY 1, 2 HAVING count(*) > 1""",
}
