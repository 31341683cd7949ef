"""The steps of the demonstration on the terminal: a bar each, and how long each took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from annotary.demo.errors import DemoError
from annotary.runtime.errors import EmbeddedError

Told = Callable[[int, int], None]


class Stages:
    """Opened around the whole run; `seconds` keeps {title: duration}."""

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

    def __enter__(self) -> "Stages":
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.finish()

    def finish(self) -> None:
        """Draw no more; what is printed from here on stands below the bars."""
        self._progress.stop()

    @contextmanager
    def stage(self, title: str, total: int = 1) -> Iterator[Told]:
        """Show a bar for the block, which reports (done, total); it is full when the block ends well."""
        task = self._progress.add_task(title, total=total, note="")
        began = time.monotonic()

        def told(done: int, of: int) -> None:
            self._progress.update(task, completed=done, total=max(of, 1))

        try:
            yield told
        except EmbeddedError:
            raise
        except Exception as error:
            # Nobody at a terminal can do much with a traceback; the step and the reason are what helps.
            raise DemoError(f"The step “{title}” failed: {type(error).__name__}: {error}") from error
        self.seconds[title] = time.monotonic() - began
        row = self._progress.tasks[task]
        self._progress.update(task, completed=row.total, total=row.total)
        self._progress.stop_task(task)

    def note(self, text: str) -> None:
        """A word at the end of the last bar."""
        self._progress.update(self._progress.tasks[-1].id, note=text)

    def say(self, text: str) -> None:
        self._progress.console.print(text, highlight=False, soft_wrap=True)
