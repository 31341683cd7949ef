"""Qualifications for managers: settings, images, who has them, and which projects require them."""

import uuid
from typing import Any

from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Actor, Role
from accounts.selectors import COVERS, display_names_for, role_in
from kernel.errors import Forbidden, NotFound
from tasks.api import examples
from tasks.api.access import View, actor_of, project_of, same_organisation
from tasks.api.described_qualifications import (
    HolderSerializer,
    NewQualificationImageSerializer,
    NewQualificationSerializer,
    QualificationChangeSerializer,
    QualificationImageSerializer,
    QualificationSerializer,
    RequirementsChangeSerializer,
    RequirementsSerializer,
)
from tasks.api.filters import one_of
from tasks.api.operations import operation
from tasks.api.pagination import ByNewest, listing, page, page_at_once
from tasks.api.request_bodies import body_of, valid
from tasks.flow.qualification_images import add_qualification_image
from tasks.ingest.models import Image
from tasks.qualification.models import Qualification, QualificationGrant, QualificationImage
from tasks.qualification.selectors import (
    count_unqualified,
    grants_of,
    image_of_qualification,
    images_of_qualification,
    qualification_for,
    qualifications_of,
    required_by,
)
from tasks.qualification.setup import (
    change_qualification,
    create_qualification,
    grant,
    retire_image,
    revoke,
    set_requirements,
)
from tasks.standing.selectors import worker_of_organisation


class QualificationsView(View):
    scopes = {"GET": "manage", "POST": "manage"}

    @listing(
        QualificationSerializer,
        filters=[one_of("state", Qualification.State)],
        summary="Qualifications of a project's organization",
    )
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        """Those of the organization's other projects too: each of its projects can require them."""
        project = project_of(request, project_id, Role.MANAGER)
        rows = qualifications_of(organisation_id=project.organisation_id)
        return page(request, rows, lambda row: dict(QualificationSerializer(row).data))

    @operation(
        request=NewQualificationSerializer,
        bodies=examples.QUALIFICATION,
        responses={201: QualificationSerializer},
        summary="Create a qualification",
    )
    def post(self, request: Request, project_id: uuid.UUID) -> Response:
        """It is a draft with the project's images and classes. Add images, then open it."""
        project = project_of(request, project_id, Role.MANAGER)
        data = valid(NewQualificationSerializer(data=request.data))
        name = data.pop("name")
        row = create_qualification(project=project, by=actor_of(request), name=name, values=data)
        return Response(_shown(row), status=status.HTTP_201_CREATED)


class QualificationView(View):
    scopes = {"GET": "manage", "PATCH": "manage"}

    @operation(responses=QualificationSerializer, summary="A qualification")
    def get(self, request: Request, qualification_id: uuid.UUID) -> Response:
        return Response(_shown(_qualification(request, qualification_id)))

    @operation(
        request=QualificationChangeSerializer,
        bodies=examples.QUALIFICATION_CHANGE,
        responses=QualificationSerializer,
        summary="Change, open or close a qualification",
    )
    def patch(self, request: Request, qualification_id: uuid.UUID) -> Response:
        """Exams in progress keep their images, their time and their pass mark. Who has passed keeps it."""
        row = _qualification(request, qualification_id)
        data = valid(QualificationChangeSerializer(data=request.data))
        state = data.pop("state", None)
        name = data.pop("name", None)
        changed = change_qualification(qualification=row, name=name, values=data, state=state)
        return Response(_shown(changed))


class QualificationImagesView(View):
    scopes = {"GET": "manage", "POST": "manage"}

    def check_access(self, request: Request, **ids: Any) -> None:
        _qualification(request, ids["qualification_id"])

    @listing(
        QualificationImageSerializer,
        filters=[one_of("use", QualificationImage.Use)],
        summary="Images of a qualification",
    )
    def get(self, request: Request, qualification_id: uuid.UUID) -> Response:
        row = _qualification(request, qualification_id)
        shape = QualificationImageSerializer().to_representation
        return page(request, images_of_qualification(qualification=row), shape)

    @operation(
        request=NewQualificationImageSerializer,
        bodies=examples.QUALIFICATION_IMAGE,
        responses={201: QualificationImageSerializer},
        summary="Give an image to a qualification",
    )
    def post(self, request: Request, qualification_id: uuid.UUID) -> Response:
        """Workers get it as work no more, and it can never be a check image. The answer becomes its approved label."""
        row = _qualification(request, qualification_id)
        data = valid(NewQualificationImageSerializer(data=request.data))
        image = Image.objects.filter(public_id=data["image"], dataset__projects=row.project_id).first()
        if image is None:
            raise NotFound("The project of this qualification has no image with that id.")
        added = add_qualification_image(
            qualification=row,
            image=image,
            use=data["use"],
            raw=body_of(request)["answer"],
            explanation=data["explanation"],
            by=actor_of(request),
        )
        return Response(QualificationImageSerializer(added).data, status=status.HTTP_201_CREATED)


class QualificationImageView(View):
    scopes = {"DELETE": "manage"}

    @operation(responses={204: None}, summary="Use an image of a qualification no more")
    def delete(self, request: Request, qualification_id: uuid.UUID, pool_image_id: uuid.UUID) -> Response:
        """It does not become work or a check image again: workers may know its answer."""
        row = _qualification(request, qualification_id)
        retire_image(image=image_of_qualification(qualification=row, public_id=pool_image_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class HoldersView(View):
    scopes = {"GET": "manage"}

    @listing(
        HolderSerializer,
        filters=[one_of("origin", QualificationGrant.Source, "source")],
        summary="Who has, or had, a qualification",
    )
    def get(self, request: Request, qualification_id: uuid.UUID) -> Response:
        row = _qualification(request, qualification_id)
        return page_at_once(
            request, grants_of(qualification=row), lambda rows: _holders(request, row, rows), order=ByNewest
        )


class HolderView(View):
    scopes = {"PUT": "manage", "DELETE": "manage"}

    @operation(responses=HolderSerializer, summary="Give a worker a qualification without an exam")
    def put(self, request: Request, qualification_id: uuid.UUID, worker_id: uuid.UUID) -> Response:
        row, worker = self._holder(request, qualification_id, worker_id)
        given = grant(qualification=row, worker=worker, by=actor_of(request))
        return Response(_holders(request, row, [given])[0])

    @operation(responses={204: None}, summary="Take a qualification from a worker")
    def delete(self, request: Request, qualification_id: uuid.UUID, worker_id: uuid.UUID) -> Response:
        """They finish the set that they have. They may take the exam again if an attempt is left."""
        row, worker = self._holder(request, qualification_id, worker_id)
        revoke(qualification=row, worker=worker, by=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _holder(
        self, request: Request, qualification_id: uuid.UUID, worker_id: uuid.UUID
    ) -> tuple[Qualification, Actor]:
        row = _qualification(request, qualification_id)
        return row, worker_of_organisation(organisation=row.organisation, public_id=worker_id)


class RequirementsView(View):
    scopes = {"GET": "manage", "PUT": "manage"}

    @operation(responses=RequirementsSerializer, summary="Qualifications that a project requires")
    def get(self, request: Request, project_id: uuid.UUID) -> Response:
        project = project_of(request, project_id, Role.MANAGER)
        shown = [
            {
                "id": row.public_id,
                "name": row.name,
                "state": row.state,
                "workers_without": count_unqualified(project=project, qualification=row),
            }
            for row in required_by(project=project)
        ]
        return Response(RequirementsSerializer({"qualifications": shown}).data)

    @operation(
        request=RequirementsChangeSerializer,
        bodies=examples.REQUIREMENTS,
        responses=RequirementsSerializer,
        summary="Change which qualifications a project requires",
    )
    def put(self, request: Request, project_id: uuid.UUID) -> Response:
        """Workers who lack one get no new sets until they have passed it. They finish the set that they have."""
        project = project_of(request, project_id, Role.MANAGER)
        ids = valid(RequirementsChangeSerializer(data=request.data))["qualifications"]
        rows = [qualification_for(organisation_id=project.organisation_id, public_id=each) for each in ids]
        set_requirements(project=project, by=actor_of(request), qualifications=rows)
        return self.get(request, project_id)


def _qualification(request: Request, public_id: uuid.UUID) -> Qualification:
    """The qualification, if the caller manages its organization; a key sees its own organization only."""
    row = Qualification.objects.select_related("organisation", "project").filter(public_id=public_id).first()
    own = role_in(actor=actor_of(request), organisation_id=row.organisation_id) if row is not None else None
    if row is None or own is None:
        raise NotFound
    same_organisation(request, row.organisation_id)
    if Role.MANAGER not in COVERS[own]:
        raise Forbidden
    return row


def _shown(row: Qualification) -> dict[str, Any]:
    counted = qualification_for(organisation_id=row.organisation_id, public_id=row.public_id)
    return dict(QualificationSerializer(counted).data)


def _holders(request: Request, row: Qualification, grants: list[QualificationGrant]) -> list[dict[str, Any]]:
    ids = {str(each.worker.public_id) for each in grants}
    names = display_names_for(actor_of(request), organisation_id=row.organisation_id, actors=ids)
    return [
        {
            "worker": str(each.worker.public_id),
            "name": names[str(each.worker.public_id)],
            "origin": each.source,
            "score": each.score,
            "granted_at": each.granted_at,
            "revoked_at": each.revoked_at,
        }
        for each in grants
    ]
