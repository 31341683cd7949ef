"""Helpers for the labeling canvas: where an image pixel is on the screen, and which objects the canvas holds."""

from typing import Any

from playwright.sync_api import CDPSession, Page

from tests.ui.sheet_site import Site

GET = """
const {controllerOf} = await import('/static/workers_ui/lib/controller_loader.js');
const canvas = controllerOf(document.querySelector('[data-controller~="annotator"]'), 'annotator').annotator;
"""


def until(page: Page, condition: str) -> None:
    """Wait for a JavaScript condition. Playwright's own wait evaluates strings, which the page's policy forbids."""
    for _ in range(200):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(25)
    raise AssertionError(f"Still false after five seconds: {condition}")


Point = tuple[float, float]
Ring = list[Point]


class Studio:
    def __init__(self, page: Page, site: Site, path: str = "/studio") -> None:
        self.page = page
        page.goto(f"{site.url}{path}")
        page.wait_for_selector(".annotator canvas")
        page.wait_for_selector(".annotator-message", state="hidden")

    def ask(self, expression: str, argument: Any = None) -> Any:
        return self.page.evaluate(f"async (argument) => {{ {GET} return {expression}; }}", argument)

    def geoms(self) -> list[tuple[float, float, float, float]]:
        return [tuple(item["geom"][side] for side in "xywh") for item in self.objects()]

    def rings(self) -> list[Ring]:
        """Return the outer ring of every polygon of one part."""
        return [[(x, y) for x, y in item["geom"]["parts"][0][0]] for item in self.objects()]

    def objects(self) -> list[dict[str, Any]]:
        objects: list[dict[str, Any]] = self.ask("canvas.getObjects()")
        return objects

    def put(self, *boxes: tuple[float, float, float, float], class_id: int = 3) -> None:
        shared = {"class": class_id, "tool": "box", "attrs": {}}
        objects = [
            {"id": f"b{number}", "geom": dict(zip("xywh", box, strict=True)), **shared}
            for number, box in enumerate(boxes, 1)
        ]
        self.ask("canvas.setObjects(argument)", objects)

    def put_polygons(self, *polygons: list[list[Ring]], class_id: int = 3) -> None:
        """Show polygons, each as a list of parts, which are lists of rings."""
        shared = {"class": class_id, "tool": "polygon", "attrs": {}}
        objects = [{"id": f"p{number}", "geom": {"parts": each}, **shared} for number, each in enumerate(polygons, 1)]
        self.ask("canvas.setObjects(argument)", objects)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the screen coordinates of an image point."""
        bounds = self.page.locator(".annotator").bounding_box()
        assert bounds is not None
        view = self.ask("canvas.view")
        return bounds["x"] + 1 + view["x"] + x * view["scale"], bounds["y"] + 1 + view["y"] + y * view["scale"]

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        mouse = self.page.mouse
        mouse.move(*self.at(*start))
        mouse.down()
        mouse.move(*self.at((start[0] + end[0]) / 2, (start[1] + end[1]) / 2))
        mouse.move(*self.at(*end))
        mouse.up()

    def click(self, x: float, y: float) -> None:
        self.page.mouse.click(*self.at(x, y))

    def click_around(self, *points: Point) -> None:
        """Click one point after the other, too far apart in place for a double click."""
        for point in points:
            self.click(*point)

    def double_click(self, x: float, y: float) -> None:
        self.page.mouse.dblclick(*self.at(x, y))

    def press(self, *keys: str) -> None:
        self.page.locator(".annotator").focus()
        for key in keys:
            self.page.keyboard.press(key)


class Fingers:
    """Real touch input through the browser's DevTools protocol."""

    def __init__(self, page: Page) -> None:
        self.session: CDPSession = page.context.new_cdp_session(page)

    def send(self, kind: str, *points: tuple[float, float]) -> None:
        touches = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    def tap(self, point: tuple[float, float]) -> None:
        self.send("touchStart", point)
        self.send("touchEnd")

    def stroke(self, *points: tuple[float, float]) -> None:
        """Move one finger along these points, without lifting it."""
        self.send("touchStart", points[0])
        for point in points[1:]:
            self.send("touchMove", point)
        self.send("touchEnd")

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.send("touchStart", start)
        for step in (0.3, 0.6, 1.0):
            self.send("touchMove", (start[0] + (end[0] - start[0]) * step, start[1] + (end[1] - start[1]) * step))
        self.send("touchEnd")
