"""Notices: what people are told of, on the page and by mail."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Actor, Organisation
from kernel.ids import new_public_id
from projects.models import Project

ONE_NOTICE = "tasks_notice_one_per_recipient_and_key"
ONE_UNREAD = "tasks_notice_one_unread_of_a_kind"


class Notice(models.Model):
    """Something that one person is told of, once. Its words are made when it is shown: see `wording`.

    `key` names what it reports, so writing it again does nothing. Of the kinds in `ONCE_UNREAD`, a person has at most
    one unread notice for each project: ten batches that are opened one by one are one notice. `mail_at` is when it is
    due by mail, null if it is not mailed; `mail_lease_until` is in the future while a process sends it.
    """

    class Kind(models.TextChoices):
        WORK_OPENED = "work_opened"
        MONEY_APPROVED = "money_approved"
        MONEY_PAID = "money_paid"
        QUESTION_ANSWERED = "question_answered"
        APPEAL_DECIDED = "appeal_decided"
        QUESTION_ASKED = "question_asked"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    recipient = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="notices", db_index=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+", db_index=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    key = models.CharField(max_length=80)
    # What the words need: {"amount", "currency"} of money, {"question"} of an answer. Nothing that others wrote.
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())
    read_at = models.DateTimeField(null=True)
    mail_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)
    mail_lease_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["recipient", "key"], name=ONE_NOTICE),
            models.UniqueConstraint(
                fields=["recipient", "project", "kind"],
                condition=Q(read_at__isnull=True, kind__in=["work_opened", "question_asked"]),
                name=ONE_UNREAD,
            ),
        ]
        indexes = [
            models.Index(fields=["recipient", "id"], name="tasks_notice_of_recipient"),
            models.Index(fields=["recipient"], condition=Q(read_at__isnull=True), name="tasks_notice_unread"),
            models.Index(
                fields=["mail_at"], condition=Q(mailed_at__isnull=True, mail_at__isnull=False), name="tasks_notice_mail"
            ),
        ]
