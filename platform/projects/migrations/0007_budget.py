"""What the answers of a project may cost in total; projects that exist have no limit."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("projects", "0006_skips_to_manager")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="project",
            name="budget",
            field=models.DecimalField(decimal_places=6, max_digits=14, null=True),
        ),
        migrations.AddConstraint(
            model_name="project",
            constraint=models.CheckConstraint(
                condition=Q(budget__isnull=True) | Q(budget__gte=0), name="projects_project_budget_not_negative"
            ),
        ),
    ]
