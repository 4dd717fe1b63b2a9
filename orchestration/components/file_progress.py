"""Shows how far the reading of large extract files has come: a bar on a terminal, a line for each file elsewhere.

Display only; what is read and how is the business of `orchestration.ingest`.
"""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from orchestration.ingest.taking import Progress

# Smaller files are read before anybody could look.
SHOWN_BYTES = 10_000_000


class FileProgress:
    """A callback for `load` that shows object, rows and bytes of each large file.

    say: is told one sentence for each where there is no terminal.
    """

    def __init__(self, console: Console | None = None, say: Callable[[str], None] = lambda _: None) -> None:
        self._say = say
        self._console = console or Console(stderr=True)
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[rows]} rows, {task.fields[read]} of {task.fields[size]}"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def __call__(self, progress: Progress) -> None:
        if progress.bytes_total < SHOWN_BYTES:
            return
        rows, read, size = f"{progress.rows:,}", decimal(progress.bytes_read), decimal(progress.bytes_total)
        is_done = progress.bytes_read >= progress.bytes_total
        if not self._console.is_terminal:
            if is_done:
                self._say(f"{progress.file}: {rows} rows, {size}")
            return
        if progress.file not in self._tasks:
            self._tasks[progress.file] = self._bars.add_task(
                progress.object, total=progress.bytes_total, rows=rows, read=read, size=size
            )
        self._bars.update(
            self._tasks[progress.file], completed=progress.bytes_read, rows=rows, read=read, visible=not is_done
        )
