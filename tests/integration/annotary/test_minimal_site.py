"""The site that pairs over HTTP are measured against sends today's statements: a benchmark that broke shows nothing."""

import json

import pytest
from django.test import RequestFactory

from tasks.annotation.models import Annotation
from tasks.assignment.models import Assignment
from tests import factories
from tests.benchmarks.minimal import site

pytestmark = pytest.mark.django_db


def test_it_claims_and_submits_as_the_api_does() -> None:
    worker = factories.wren()
    project = factories.a_project(hand_size=2, answers_min=1, answers_max=1, workers=[worker])
    factories.some_tasks(project, 3)
    request = RequestFactory().post("/")
    request.user = worker.user
    hand = json.loads(site.claim(request, project.public_id).content)
    assert [row["position"] for row in hand["assignments"]] == [1, 2]
    for row in hand["assignments"]:
        body = {"answer": factories.class_answer(1), "seconds": 4.2}
        sent = RequestFactory().put("/", json.dumps(body), "application/json", headers={"Idempotency-Key": row["id"]})
        sent.user = worker.user
        assert site.submit(sent, row["id"]).status_code == 200
    assert Assignment.objects.filter(worker=worker, state="submitted").count() == 2
    assert Annotation.objects.filter(actor=worker, is_current=True).count() == 2
