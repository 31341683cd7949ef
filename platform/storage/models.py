"""Blobs: content-addressed files, with their state in the database."""

from django.db import models
from django.db.models.functions import Now

BLOB_SIZE = "storage_blob_size_not_negative"
BLOB_SHA256 = "storage_blob_sha256_is_hex"


class Blob(models.Model):
    """A stored file. States: writing -> ready. A row is ready only if its file is in storage (I6).

    A file without a row is a stray, which the sweep deletes an hour after it was written. It also deletes rows that
    nothing references and whose content was not stored again within the last hour.
    """

    class State(models.TextChoices):
        WRITING = "writing"
        READY = "ready"

    sha256 = models.CharField(max_length=64, unique=True)
    size = models.BigIntegerField()
    content_type = models.CharField(max_length=100)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WRITING)
    created_at = models.DateTimeField(db_default=Now())
    # When this content was last stored: a reference to it is likely to follow.
    touched_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(size__gte=0), name=BLOB_SIZE),
            models.CheckConstraint(condition=models.Q(sha256__regex=r"^[0-9a-f]{64}$"), name=BLOB_SHA256),
        ]

    @property
    def key(self) -> str:
        """The file's path below the storage root."""
        return f"blobs/{self.sha256[:2]}/{self.sha256}"
