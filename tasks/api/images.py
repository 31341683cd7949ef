"""The images of a project and their files."""

import uuid
from typing import Any

from django.http import HttpResponseBase
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Role
from kernel.errors import NotFound
from projects.models import Project
from storage.views import blob_response
from tasks.api.access import View, may, project_of
from tasks.api.described import QualityField
from tasks.api.filters import Filter, created, prefix
from tasks.api.negotiation import OCTETS, as_negotiated, file_types
from tasks.api.operations import operation
from tasks.api.pagination import listing, page
from tasks.api.tasks import TaskSerializer
from tasks.batching.selectors import task_of_image
from tasks.gold.selectors import gold_of_image
from tasks.ingest.models import Image
from tasks.ingest.selectors import images_of

KINDS = ("rendition", "thumb", "release")


class ImageSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    source_key = serializers.CharField(help_text="The owner's name for the image")
    metadata = serializers.DictField(
        child=serializers.CharField(), help_text="The columns of the owner's metadata table"
    )
    width = serializers.IntegerField(help_text="Width of the upright image, in pixels")
    height = serializers.IntegerField()
    sha256 = serializers.CharField(help_text="SHA-256 of the original file")
    quality = QualityField()
    created_at = serializers.DateTimeField()


class ImageFilesSerializer(serializers.Serializer[Any]):
    """URLs of the files of an image."""

    rendition = serializers.CharField(help_text="The image as shown on screens")
    thumb = serializers.CharField(help_text="The image as shown in lists")
    release = serializers.CharField(help_text="The upright image without metadata, as in releases")


class ImageDetailSerializer(ImageSerializer):
    project = serializers.UUIDField(source="project.public_id")
    original_width = serializers.IntegerField(help_text="Width of the original file as stored, in pixels")
    original_height = serializers.IntegerField()
    orientation = serializers.IntegerField(help_text="EXIF orientation of the original file, 1 to 8")
    files = serializers.SerializerMethodField()
    task = TaskSerializer(allow_null=True, help_text="Null for clients, and for an image that nobody has to label")
    gold = serializers.UUIDField(
        allow_null=True,
        source="gold.public_id",
        default=None,
        help_text="Id of the active check image; always null without the role of manager and the scope `manage`",
    )

    @extend_schema_field(ImageFilesSerializer)
    def get_files(self, image: Image) -> dict[str, str]:
        address = reverse("api:image-file", args=[image.public_id])
        return {kind: f"{address}?kind={kind}" for kind in KINDS}


class ImagesView(View):
    @listing(
        ImageSerializer,
        filters=[
            Filter("source_key", "source_key", "The whole name of an image", is_indexed=True),
            Filter("sha256", "sha256", "SHA-256 of the original file", is_indexed=True),
            prefix("source_key"),
            *created(),
        ],
        summary="Images of a project",
    )
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        project = project_of(request, project_id, Role.CLIENT, Role.REVIEWER)
        return page(request, images_of(project=project), ImageSerializer().to_representation, newest_first=False)


class ImageView(View):
    @operation(responses=ImageDetailSerializer, summary="An image, its task and its files")
    def get(self, request: Request, image_id: uuid.UUID) -> Response:
        image, project = _image_of(request, image_id)
        row: Any = image
        row.project = project
        row.task = task_of_image(project=project, image=image) if may(request, project, Role.REVIEWER) else None
        shows_gold = may(request, project, Role.MANAGER, scope="manage")
        row.gold = gold_of_image(project=project, image=image) if shows_gold else None
        return Response(ImageDetailSerializer(row).data)


class ImageFileView(View):
    produces = ("image/*", OCTETS)

    @operation(
        parameters=[OpenApiParameter("kind", str, enum=KINDS, description="Size; rendition by default")],
        responses=file_types(*produces),
        summary="The file of an image",
    )
    def get(self, request: Request, image_id: uuid.UUID) -> HttpResponseBase:
        image, _ = _image_of(request, image_id)
        kind = request.query_params.get("kind", "rendition")
        response = blob_response(request=request._request, blob=getattr(image, kind), name="image")
        return as_negotiated(request, response, self.produces)


def _image_of(request: Request, image_id: uuid.UUID) -> tuple[Image, Project]:
    images = Image.objects.select_related("dataset", "rendition", "thumb", "release")
    image = images.filter(public_id=image_id).first()
    project = image and image.dataset.projects.filter(deleted_at__isnull=True).order_by("id").first()
    if image is None or project is None:
        raise NotFound
    return image, project_of(request, project.public_id, Role.CLIENT, Role.REVIEWER)
