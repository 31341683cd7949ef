"""Skills of workers in an organization, with every value that they ever had."""

from django.db import models
from django.db.models import Q

from accounts.models import Actor, Organisation
from kernel.ids import new_public_id

ONE_SKILL_NAME = "tasks_skill_one_name_per_organisation"
ONE_CURRENT_VALUE = "tasks_skillvalue_one_current_per_worker"


class Skill(models.Model):
    """Something that an organization knows of workers, as a number. Filters call it `skill.NAME`."""

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="skills", db_index=False)
    name = models.CharField(max_length=40)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "name"], name=ONE_SKILL_NAME)]

    def __str__(self) -> str:
        return self.name


class SkillValue(models.Model):
    """A value of a worker's skill. A newer one replaces it as current; none is changed or deleted: a record.

    `value` is null where the skill was taken away. `set_by` is null for an exam.
    """

    class Source(models.TextChoices):
        EXAM = "exam"
        MANAGER = "manager"
        CSV = "csv"

    # `db_index=False`: indexes below start with the columns.
    skill = models.ForeignKey(Skill, on_delete=models.CASCADE, related_name="values", db_index=False)
    worker = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+", db_index=False)
    value = models.FloatField(null=True)
    source = models.CharField(max_length=10, choices=Source.choices)
    set_by = models.ForeignKey(Actor, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    is_current = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["worker", "skill"], condition=Q(is_current=True), name=ONE_CURRENT_VALUE)
        ]
        indexes = [models.Index(fields=["skill", "worker", "id"], name="tasks_skillvalue_history")]
