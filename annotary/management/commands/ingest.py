"""`manage.py ingest FOLDER --project ID --by EMAIL`: import a local folder into a project without a browser."""

import uuid
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Role, User
from annotary_core.wording import format_count
from kernel.errors import AnnotaryError
from projects.selectors import project_for
from tasks.ingest.models import Import
from tasks.ingest.services import ingest_folder


class Command(BaseCommand):
    help = "Import the images of a folder into a project. The import runs in the background; the console shows it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "folder", type=Path, help="the folder, read recursively; a metadata.csv in it is the metadata table"
        )
        parser.add_argument("--project", type=uuid.UUID, required=True, help="the project's id, as shown in its URL")
        parser.add_argument(
            "--keep-together",
            choices=Import.KeepTogether.values,
            default=Import.KeepTogether.NOTHING,
            help="images that workers get together: those of a folder, or with one value in a column of the metadata",
        )
        parser.add_argument("--group-column", default="", help="the column, with --keep-together column")
        parser.add_argument("--by", required=True, help="the email address of the manager who imports")

    def handle(self, *args: Any, folder: Path, project: uuid.UUID, by: str, **options: Any) -> None:
        user = User.objects.filter(email__iexact=by).first()
        if user is None:
            raise CommandError(f"No user has the email address {by}. Use the address of a manager of the project.")
        try:
            row = project_for(actor=user.actor, public_id=project, role=Role.MANAGER)
            batch_import = ingest_folder(
                project=row,
                by=user.actor,
                folder=folder,
                keep_together=options["keep_together"],
                group_column=options["group_column"],
            )
        except AnnotaryError as error:
            raise CommandError(error.detail) from error
        files = format_count(batch_import.total, "file")
        self.stdout.write(f"{files} received. See the console of {row.name} for progress.")
