"""A set in a browser: what the page shows, and helpers to work on its image."""

from typing import Any

from playwright.sync_api import Page, expect

from projects.models import Project
from tests.ui.studio import Fingers

CANVAS = """
const {controllerOf} = await import('/static/workers_ui/lib/controller_loader.js');
const canvas = controllerOf(document.querySelector('.set'), 'set').surface.annotator;
"""


class SetPage:
    """The page of a set, from the button that takes it to the pay that it earned."""

    def __init__(self, page: Page, project: Project) -> None:
        self.page = page
        self.project = project

    def take(self) -> "SetPage":
        self.page.goto(f"/work/{self.project.public_id}/")
        self.page.get_by_role("button", name="Take").click()
        return self.ready()

    def open(self) -> "SetPage":
        self.page.goto(f"/work/{self.project.public_id}/set/")
        return self.ready()

    def ready(self) -> "SetPage":
        """Wait until the image is loaded and accepts answers."""
        self.page.wait_for_selector(".set-work .annotator canvas")
        expect(self.page.locator(".annotator-message")).to_be_hidden()
        self.page.wait_for_selector("html:not([data-quiet])")
        return self

    def at_image(self, number: int, total: int) -> None:
        expect(self.page.locator(".set-position span").first).to_have_text(f"{number} of {total}")
        self.ready()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def skip(self, reason: str = "Enter") -> None:
        """Skip the image by keyboard, with the digit of a reason or, by Enter, without one."""
        self.press("s")
        expect(self.page.locator(".skip-sheet")).to_be_visible()
        self.press(reason)
        expect(self.page.locator(".skip-sheet")).to_be_hidden()

    def overview(self) -> list[str]:
        """Return the texts below the thumbnails, once the overview is shown."""
        self.page.wait_for_selector("html:not([data-quiet]) .set-overview:not([hidden])")
        return [words.strip() for words in self.page.locator(".thumb-name").all_inner_texts()]

    def ask(self, expression: str, argument: Any = None) -> Any:
        return self.page.evaluate(f"async (argument) => {{ {CANVAS} return {expression}; }}", argument)

    def boxes(self) -> list[dict[str, Any]]:
        boxes: list[dict[str, Any]] = self.ask("canvas.getObjects()")
        return boxes

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the screen position of an image point; x and y are shares of the image's width and height."""
        bounds = self.page.locator(".annotator").bounding_box()
        assert bounds is not None
        view, width, height = self.ask("[canvas.view, canvas.width, canvas.height]")
        return bounds["x"] + view["x"] + x * width * view["scale"], bounds["y"] + view["y"] + y * height * view["scale"]

    def draw(self) -> None:
        """Draw one box by mouse over the middle of the image."""
        mouse = self.page.mouse
        mouse.move(*self.at(0.3, 0.3))
        mouse.down()
        mouse.move(*self.at(0.5, 0.5))
        mouse.move(*self.at(0.7, 0.7))
        mouse.up()

    def draw_by_finger(self) -> None:
        """Draw one box over the middle by touch, quickly: the finger is lifted while it still moves."""
        Fingers(self.page).drag(self.at(0.3, 0.3), self.at(0.7, 0.7))

    def hand_in(self, answers: int) -> None:
        self.page.get_by_role("button", name=f"Submit {answers} answer").click()
        self.earned()

    def earned(self) -> None:
        self.page.wait_for_url("**/handed-in/**")
        expect(self.page.get_by_role("heading", name="Submitted. Thank you.")).to_be_visible()
