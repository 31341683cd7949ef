"""Imports, their items, and the images of a dataset."""

from django.db import models
from django.db.models import Q

from accounts.models import Actor
from kernel.ids import new_public_id
from kernel.progress import FILES, Progress
from projects.models import Dataset
from storage.models import Blob

SAME_CONTENT = "tasks_image_content_once_per_dataset"
ITEM_TAKEN = "tasks_importitem_taken_has_image"
ITEM_REFUSED = "tasks_importitem_refused_has_reason"
ITEM_KEY = "tasks_importitem_key_once_per_import"
ITEM_ENTRY = "tasks_importitem_entry_once_per_import"
IMAGE_SIZE = "tasks_image_size_positive"
IMAGE_ORIENTATION = "tasks_image_orientation_is_exif"
IMPORT_COUNTS = "tasks_import_counts_not_above_total"
IMPORT_GROUPS = "tasks_import_names_a_column_to_group_by"
#: The error of an import whose job gave up; only an import with this error can be resumed.
IMPORT_INTERRUPTED = "The import stopped before it finished. The images it added are safe. Resume it to add the rest."


class Import(models.Model):
    """One import of images into a dataset. States: receiving -> working -> done | failed."""

    class State(models.TextChoices):
        RECEIVING = "receiving"
        WORKING = "working"
        DONE = "done"
        FAILED = "failed"

    class Source(models.TextChoices):
        FILES = "files"
        ARCHIVE = "archive"
        FOLDER = "folder"

    class KeepTogether(models.TextChoices):
        NOTHING = "nothing"
        FOLDER = "folder"
        COLUMN = "column"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="imports")
    # The project that gets a task for each new image; the images themselves belong to the dataset.
    project_id = models.BigIntegerField(null=True, db_index=True)
    source = models.CharField(max_length=10, choices=Source.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RECEIVING)
    archive = models.ForeignKey(Blob, on_delete=models.PROTECT, null=True, related_name="+")
    # Rows of a metadata CSV: {"file name": {"column": "value"}}, copied to the images as they are processed.
    metadata = models.JSONField(default=dict)
    # Which of its images form a group, which workers get as a whole: those of a folder, or those with the same value in
    # a column of the metadata.
    keep_together = models.CharField(
        max_length=10, choices=KeepTogether.choices, default=KeepTogether.NOTHING, db_default=KeepTogether.NOTHING
    )
    group_column = models.CharField(max_length=100, blank=True, default="", db_default="")
    total = models.PositiveIntegerField(default=0)
    taken = models.PositiveIntegerField(default=0)
    duplicates = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    # How many of `taken` have been published to the event stream, so a killed run neither loses nor repeats any.
    announced = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True, default="")
    # What the sender should know about the import as a whole, such as names whose encoding was guessed.
    note = models.TextField(blank=True, default="", db_default="")
    created_by = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(total__gte=models.F("taken") + models.F("duplicates") + models.F("refused")),
                name=IMPORT_COUNTS,
            ),
            models.CheckConstraint(
                condition=Q(keep_together="column") & ~Q(group_column="")
                | ~Q(keep_together="column") & Q(group_column=""),
                name=IMPORT_GROUPS,
            ),
        ]

    @property
    def progress(self) -> Progress:
        """How many files have been checked; while an archive is being unpacked it is not known of how many."""
        total = self.total if self.archive_id is None else None
        return Progress(self.taken + self.duplicates + self.refused, total, FILES)

    @property
    def is_interrupted(self) -> bool:
        """Whether its job gave up. What it has not processed is still there, so it can be resumed."""
        return self.state == self.State.FAILED and self.error == IMPORT_INTERRUPTED


class Image(models.Model):
    """An image of a dataset. Its identity is the SHA-256 of the original file.

    Width and height are those of the upright frame, which all geometry uses: origin at the outer corner of the
    first pixel, x to the right, y down, unit one pixel of `release`. `orientation` is the EXIF value that maps
    the original's stored pixels to that frame. `release` is the upright image without metadata, created once and
    never again; `rendition` is shown on screens, `thumb` in lists. Images with the same `group_key` share a split in
    releases and, if their import says so, are labeled together.
    """

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    # `db_index=False`: an index below starts with the column.
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="images", db_index=False)
    sha256 = models.CharField(max_length=64)
    source_key = models.CharField(max_length=1024)
    metadata = models.JSONField(default=dict)
    group_key = models.CharField(max_length=200, blank=True, default="")
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    original_width = models.PositiveIntegerField()
    original_height = models.PositiveIntegerField()
    orientation = models.PositiveSmallIntegerField(default=1)
    original = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    release = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    rendition = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    thumb = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    perceptual_hash = models.BigIntegerField()
    quality = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dataset", "sha256"], name=SAME_CONTENT),
            models.CheckConstraint(condition=Q(width__gte=1, height__gte=1), name=IMAGE_SIZE),
            models.CheckConstraint(condition=Q(orientation__range=(1, 8)), name=IMAGE_ORIENTATION),
        ]
        indexes = [
            models.Index(fields=["dataset", "source_key"], name="tasks_image_by_source_key"),
            # Counts, and pages deep in the list, are read from the index alone.
            models.Index(fields=["dataset", "id"], name="tasks_image_in_order"),
            # Images of a group that come later look for it. Empty without groups.
            models.Index(fields=["dataset", "group_key"], condition=~Q(group_key=""), name="tasks_image_by_group"),
        ]


class ImportItem(models.Model):
    """A file of an import. States: waiting -> taken | duplicate | refused; all three are final and have a reason.

    `key` is the name, held by the first file with it; a file that was refused when it arrived holds none. `entry` is
    the file's number in the import's archive, from 0. Both are empty in rows of older versions.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        TAKEN = "taken"
        DUPLICATE = "duplicate"
        REFUSED = "refused"

    batch_import = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="items")
    name = models.CharField(max_length=1024)
    key = models.CharField(max_length=1024, blank=True, default="", db_default="")
    entry = models.PositiveIntegerField(null=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    original = models.ForeignKey(Blob, on_delete=models.PROTECT, null=True, related_name="+")
    image = models.ForeignKey(Image, on_delete=models.SET_NULL, null=True, related_name="+")
    code = models.CharField(max_length=40, blank=True, default="")
    reason = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(state="refused") | ~Q(reason=""), name=ITEM_REFUSED),
            models.CheckConstraint(condition=~Q(state="waiting") | Q(image__isnull=True), name=ITEM_TAKEN),
            models.UniqueConstraint(fields=["batch_import", "key"], condition=~Q(key=""), name=ITEM_KEY),
            models.UniqueConstraint(
                fields=["batch_import", "entry"], condition=Q(entry__isnull=False), name=ITEM_ENTRY
            ),
        ]
        indexes = [models.Index(fields=["batch_import", "state", "id"], name="tasks_importitem_by_state")]
