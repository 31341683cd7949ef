"""Pages say what a project's workers draw: boxes, polygons, or objects if they choose among several tools."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from playwright.sync_api import expect

from annotary_core.labels.shapes import label_tools
from projects.models import Project
from tests import factories
from tests.labeled import a_labeled_task, run_report_jobs
from tests.ui.live import PHONE, People
from tests.ui.test_manage_forms import GOOD
from tests.worker_actions import take
from workers_ui.views.manage.proposed_changes import outlines
from workers_ui.views.manage.quality import describe_alpha
from workers_ui.views.manage.what_if import measure_label

SQUARE = [[10, 10], [50, 10], [50, 50], [10, 50]]
HOLE = [[20, 20], [30, 20], [30, 30], [20, 30]]


def drawn(*geometries: tuple[str, dict[str, Any]], number: int = 1) -> dict[str, Any]:
    """The canonical body of an answer with these objects, each (tool, geometry)."""
    objects = [
        {"id": f"o{at}", "class": number, "tool": tool, "geom": geometry, "attrs": {}}
        for at, (tool, geometry) in enumerate(geometries, start=1)
    ]
    return {"image": {"class": None, "tags": [], "attrs": {}}, "objects": objects, "verdict": "labels"}


def polygon(*rings: Any, by: float = 0) -> tuple[str, dict[str, Any]]:
    return "polygon", {"parts": [[[[x + by, y + by] for x, y in ring] for ring in rings]]}


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def ada(db: None) -> Client:
    client = Client()
    client.force_login(factories.ada().user)
    return client


def html_of(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def text_of(client: Client, url: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html_of(client, url).split("<body", 1)[1]))


def worker_texts(project: Project) -> list[str]:
    """What a worker reads and a screen reader says, on all pages about the project."""
    wren = factories.wren()
    factories.admitted(project, wren)
    factories.some_tasks(project, 3)
    client = Client()
    client.force_login(wren.user)
    take(wren, project)
    pages = ("/work/", f"/work/{project.public_id}/", f"/work/{project.public_id}/set/")
    return [html_of(client, url) for url in pages]


def test_the_form_of_a_new_project_lists_every_tool_with_a_sentence(ada: Client) -> None:
    text = text_of(ada, "/projects/new/")
    for tool in label_tools().values():
        assert f"{tool.title} {tool.hint}" in text


def test_a_project_may_have_several_tools(ada: Client) -> None:
    tools = list(label_tools())
    ada.post("/projects/new/", {**GOOD, "tools": tools})
    project = Project.objects.get()
    assert project.schema is not None
    assert project.schema.body["tools"] == tools
    settings = text_of(ada, f"/projects/{project.public_id}/settings/")
    assert f"Labeling tools: {', '.join(tool.title for tool in label_tools().values())}." in settings
    assert "How closely an object must match yours" in settings


def test_an_unknown_tool_is_refused(ada: Client) -> None:
    answer = ada.post("/projects/new/", {**GOOD, "tools": ["mask"]})
    assert answer.status_code == 422
    assert not Project.objects.exists()


@pytest.mark.parametrize(
    ("tools", "words", "other"),
    [
        (("box",), ("draw a box around every", "Draw a box around each", "class of the box", "New box"), "polygon"),
        (
            ("polygon",),
            ("draw a polygon around every", "Draw a polygon around each", "class of the polygon", "New polygon"),
            "box",
        ),
        (("box", "polygon"), ("mark every object", "Mark each", "class of the object", "New object"), "polygons"),
    ],
)
@pytest.mark.django_db
def test_workers_read_what_to_draw(tools: tuple[str, ...], words: tuple[str, ...], other: str) -> None:
    pages = "".join(worker_texts(factories.a_project("Leaves", tools=tools)))
    for expected in words:
        assert expected in pages
    readable = re.sub(r'(class|name|id|src|href|data-[\w-]+)="[^"]*"', "", pages)
    assert not re.search(rf"\b{other}\b", readable, re.IGNORECASE)


@pytest.mark.django_db
def test_workers_read_how_each_shape_is_drawn() -> None:
    intro = worker_texts(factories.a_project("Leaves", tools=("box", "polygon")))[1]
    assert "Drag across an object to draw a box." in intro
    assert "Set points around an object" in intro


def test_the_settings_of_a_project_of_polygons(ada: Client) -> None:
    project = factories.a_project("Leaves", tools=("polygon",))
    text = text_of(ada, f"/projects/{project.public_id}/settings/")
    assert "Overlap on check images (%)" in text
    assert "How closely a polygon must match yours to count as correct." in text


def test_the_evidence_of_an_image_speaks_of_polygons(ada: Client) -> None:
    project = factories.a_project("Leaves", tools=("polygon",), answers_max=3)
    task = a_labeled_task(project, [drawn(polygon(SQUARE, HOLE, by=off)) for off in (0, 1, 2)])
    html = html_of(ada, f"/projects/{project.public_id}/tasks/{task.public_id}/")
    assert "1 polygon: cat" in html
    assert "Average overlap of their polygons with the agreed one" in html
    assert "drew 1 of its 1 object" in html


def test_reviewers_read_of_polygons(ada: Client) -> None:
    project = factories.a_project("Leaves", tools=("polygon",), answers_max=3)
    a_labeled_task(project, [drawn(polygon(SQUARE))] * 3)
    html = html_of(ada, f"/projects/{project.public_id}/review/")
    for words in ("Show polygons", "New polygons are", "New polygon in the center", "Remove the selected polygon"):
        assert words in html


def leaves(count: int = 12) -> Project:
    project = factories.a_project("Leaves", tools=("polygon",), answers_max=3)
    for number in range(count):
        bodies = [drawn(polygon(SQUARE, by=number + off), number=1 + number % 2) for off in (0, 1, 2)]
        a_labeled_task(project, bodies)
    return project


def test_the_quality_of_polygons_is_described(ada: Client) -> None:
    project = leaves()
    address = f"/projects/{project.public_id}/quality/"
    ada.get(address)
    assert [job.state for job in run_report_jobs()] == ["done"]
    text = text_of(ada, address)
    assert "It is lower for polygons than for classes." in text
    assert "Krippendorff's alpha of where polygons are and what they contain" in text


def test_what_if_of_polygons_is_described(ada: Client) -> None:
    project = leaves(3)  # each policy merges all polygons again
    address = f"/projects/{project.public_id}/what-if/"
    ada.get(address)
    assert [job.state for job in run_report_jobs()] == ["done"]
    assert "9 answers to 3 images" in text_of(ada, address)


@pytest.mark.parametrize("what", ["boxes", "polygons", "objects"])
def test_figures_about_objects_have_no_verdict_and_name_them(what: str) -> None:
    state, sentence = describe_alpha(what, alpha=0.5, same=0.614)
    assert (state, sentence.count(what)) == ("", 1 + (what == "objects"))
    assert measure_label(what, judged=3) == f"Correct {what} (F1)"


@pytest.mark.parametrize("about", ["classes", ""])
def test_figures_about_classes_name_no_object(about: str) -> None:
    assert "objects that two workers draw" not in describe_alpha(about, alpha=None, same=None)[1]
    assert measure_label("classes", judged=3) == "Correct labels"


def test_outlines_of_any_shape_are_drawn_in_one_way() -> None:
    box = ("box", {"x": 1, "y": 2, "w": 30, "h": 40})
    paths = outlines(drawn(box, polygon(SQUARE, HOLE)))
    assert sorted(path.count("M") for path in paths) == [1, 2], "a hole is an outline of its own"
    assert all(re.fullmatch(r"[MLhvz\d. -]+", path) for path in paths)


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_choice_of_tools_fits_a_phone(people: People) -> None:
    page = people.signed_in(factories.ada(), **PHONE)
    page.goto("/projects/new/")
    for tool in label_tools().values():
        expect(page.get_by_label(tool.title)).to_be_visible()
    page.get_by_label("Polygons around objects").check()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize(
    ("tools", "rejected", "paused"),
    [
        (("polygon",), "One “leaf” is missing.", "Often one “leaf” is missing."),
        (("class",), "This is “cup”, not “leaf”.", "“leaf” and “cup” are often mixed up."),
    ],
)
def test_examples_are_about_the_project_s_own_classes(
    ada: Client, tools: tuple[str, ...], rejected: str, paused: str
) -> None:
    wren = factories.wren()
    policy: dict[str, Any] = {"answers_min": 1, "answers_max": 1}
    project = factories.a_project("Plants", classes=("leaf", "cup"), tools=tools, workers=[wren], **policy)
    answer = drawn(polygon(SQUARE)) if tools == ("polygon",) else factories.class_answer(1)
    a_labeled_task(project, [answer])
    page = f"/projects/{project.public_id}"
    assert f'placeholder="{rejected}"' in html_of(ada, f"{page}/review/?list=unseen") + html_of(ada, f"{page}/review/")
    assert f'placeholder="{paused}"' in html_of(ada, f"{page}/workers/")
