"""Progress on the terminal: one bar per step, and how long each step took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from annotary.demo.errors import DemoError
from annotary.runtime.errors import EmbeddedError

ProgressCallback = Callable[[int, int], None]


class StageProgress:
    """A context manager around the whole run; `seconds` records {title: duration}."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seconds: dict[str, float] = {}
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓[/green]"),
            TextColumn("{task.description:<23}"),
            BarColumn(bar_width=18, complete_style="yellow", finished_style="yellow"),
            MofNCompleteColumn(),
            TextColumn("{task.elapsed:5.1f} s"),
            TextColumn("[dim]{task.fields[note]}[/dim]"),
            console=console,
        )

    def __enter__(self) -> "StageProgress":
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.finish()

    def finish(self) -> None:
        """Stop drawing the bars; later output appears below them."""
        self._progress.stop()

    @contextmanager
    def stage(self, title: str, total: int = 1) -> Iterator[ProgressCallback]:
        """Show a bar for the block, which reports (done, total) to the callback; success fills the bar."""
        task = self._progress.add_task(title, total=total, note="")
        start = time.monotonic()

        def on_progress(done: int, total: int) -> None:
            self._progress.update(task, completed=done, total=max(total, 1))

        try:
            yield on_progress
        except EmbeddedError:
            raise
        except Exception as error:
            # A traceback does not help the user at the terminal; the step and the reason do.
            raise DemoError(f"The step “{title}” failed: {type(error).__name__}: {error}") from error
        self.seconds[title] = time.monotonic() - start
        row = self._progress.tasks[task]
        self._progress.update(task, completed=row.total, total=row.total)
        self._progress.stop_task(task)

    def note(self, text: str) -> None:
        """Show a short note at the end of the last bar."""
        self._progress.update(self._progress.tasks[-1].id, note=text)

    def say(self, text: str) -> None:
        self._progress.console.print(text, highlight=False, soft_wrap=True)
