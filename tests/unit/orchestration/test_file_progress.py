"""What is shown while large files are read."""

import io

from rich.console import Console

from orchestration.components.file_progress import FileProgress
from orchestration.ingest.taking import Progress


def shown(*steps: Progress, terminal: bool) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=140)
    said: list[str] = []
    with FileProgress(console, said.append) as progress:
        for step in steps:
            progress(step)
            progress._bars.refresh()
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue() + "\n".join(said)


HALF = Progress("deals", "generic/2026-03-31/deals.csv", 500_000, 150_000_000, 300_000_000)
WHOLE = Progress("deals", "generic/2026-03-31/deals.csv", 1_000_000, 300_000_000, 300_000_000)


def test_a_terminal_shows_object_rows_and_bytes_while_they_are_read() -> None:
    text = shown(HALF, terminal=True)
    assert "deals" in text
    assert "500,000 rows, 150.0 MB of 300.0 MB" in text


def test_elsewhere_each_file_is_one_line_when_it_is_read() -> None:
    assert shown(HALF, WHOLE, terminal=False) == "generic/2026-03-31/deals.csv: 1,000,000 rows, 300.0 MB"


def test_small_files_show_nothing() -> None:
    assert shown(Progress("users", "users.csv", 10, 500, 500), terminal=False) == ""
