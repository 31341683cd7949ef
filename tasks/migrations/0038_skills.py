"""Skills with their history, and the skill that an exam sets. Two new tables and a column that is null."""

import django.db.models.deletion
from django.db import migrations, models

import kernel.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_profiles"),
        ("tasks", "0037_qualifications"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="Skill",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=kernel.ids.new_public_id, editable=False, unique=True)),
                ("name", models.CharField(max_length=40)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "organisation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="skills",
                        to="accounts.organisation",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="qualification",
            name="skill",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="tasks.skill",
            ),
        ),
        migrations.CreateModel(
            name="SkillValue",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("value", models.FloatField(null=True)),
                (
                    "source",
                    models.CharField(choices=[("exam", "Exam"), ("manager", "Manager"), ("csv", "Csv")], max_length=10),
                ),
                ("is_current", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField()),
                (
                    "set_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.actor",
                    ),
                ),
                (
                    "skill",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="values",
                        to="tasks.skill",
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
        ),
        migrations.AddConstraint(
            model_name="skill",
            constraint=models.UniqueConstraint(
                fields=("organisation", "name"), name="tasks_skill_one_name_per_organisation"
            ),
        ),
        migrations.AddIndex(
            model_name="skillvalue",
            index=models.Index(fields=["skill", "worker", "id"], name="tasks_skillvalue_history"),
        ),
        migrations.AddConstraint(
            model_name="skillvalue",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_current", True)),
                fields=("worker", "skill"),
                name="tasks_skillvalue_one_current_per_worker",
            ),
        ),
    ]
