"""Add `Blob.touched_at`, when content was last stored, so that the sweep spares blobs that are about to be referenced."""

from django.db import migrations, models
from django.utils import timezone


class Migration(migrations.Migration):
    dependencies = [("storage", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="blob",
            name="touched_at",
            field=models.DateTimeField(auto_now_add=True, default=timezone.now),
            preserve_default=False,
        ),
    ]
