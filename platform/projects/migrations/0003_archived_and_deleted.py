"""Projects can be archived and deleted. The row of a deleted one stays, for the ledger and the audit trail."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_session_epoch"), ("projects", "0002_returns_per_day")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(model_name="project", name="archived_at", field=models.DateTimeField(null=True)),
        migrations.AddField(model_name="project", name="deleted_at", field=models.DateTimeField(null=True)),
        migrations.AddField(
            model_name="project",
            name="deleted_by",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.actor",
            ),
        ),
        migrations.AddField(model_name="project", name="deleted_record", field=models.JSONField(null=True)),
        migrations.AddField(model_name="project", name="erased_at", field=models.DateTimeField(null=True)),
        migrations.AddConstraint(
            model_name="project",
            constraint=models.CheckConstraint(
                condition=Q(archived_at__isnull=True) | Q(state__in=["draft", "closed"]),
                name="projects_project_archived_is_draft_or_closed",
            ),
        ),
        migrations.AddConstraint(
            model_name="project",
            constraint=models.CheckConstraint(
                condition=Q(deleted_at__isnull=True) | Q(state="closed"), name="projects_project_deleted_is_closed"
            ),
        ),
    ]
