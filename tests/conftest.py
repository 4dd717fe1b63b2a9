"""How tests are shared out among workers, and a headless Chromium for those marked `browser`.

Chromium opens pages from disk and lets no console error, dialog or request to a network pass; the other tests
neither need nor start one.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from opened_pages import OpenPage
    from playwright.sync_api import Browser
    from xdist.scheduler import LoadFileScheduling

TESTS = Path(__file__).parent
# What Debian calls it, and what others do.
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
FROM_DISK = ("file:", "data:", "blob:")

# Whole nights first: what takes longest must not begin last, when the other workers have nothing left.
SLOWEST_FIRST = ("integration", "definitions", "browser")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> "LoadFileScheduling":
    """A module to one worker: split between two, its nights would be run by both, and a worker gets many in a row."""
    from xdist.scheduler import LoadFileScheduling

    # In the order of the collection, not by the number of tests: the modules with few tests take longest.
    config.option.loadscopereorder = False
    return LoadFileScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        room = item.path.relative_to(TESTS).parts[0]
        return SLOWEST_FIRST.index(room) if room in SLOWEST_FIRST else len(SLOWEST_FIRST)

    items.sort(key=place)


# For a module and not for the session: while it runs, Playwright keeps an event loop running in this very thread, and
# nothing else, Dagster included, can run one of its own there.
@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        pytest.fail(
            "The tests of pages need Chromium: install it (apt-get install chromium), or leave them out with: "
            "pytest -m 'not browser'",
            pytrace=False,
        )
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Chromium refuses its own sandbox to root, which is who runs tests in a container.
        arguments = [*ARGUMENTS, "--no-sandbox"] if os.geteuid() == 0 else ARGUMENTS
        launched = playwright.chromium.launch(executable_path=found, args=arguments)
        yield launched
        launched.close()


@pytest.fixture
def open_page(browser: "Browser", tmp_path: Path) -> "Iterator[OpenPage]":
    """Opens a page from disk: `open_page(html or file, address="", **context)`.

    address: what stands behind the file, like #stalled. What goes wrong fails the test when it ends.
    """
    from opened_pages import Opened

    contexts = []
    opened: list[Opened] = []

    def open_it(page_or_file: str | Path, address: str = "", **options: Any) -> Opened:
        file = page_or_file if isinstance(page_or_file, Path) else tmp_path / f"review{len(opened)}.html"
        if isinstance(page_or_file, str):
            file.write_text(page_or_file, encoding="utf-8")
        context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", "accept_downloads": True, **options}
        )
        contexts.append(context)
        page = context.new_page()
        here = Opened(page, file)
        opened.append(here)
        page.on("console", lambda message: here.problems.append(f"console {message.type}: {message.text}"))
        page.on("pageerror", lambda error: here.problems.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (here.problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith(FROM_DISK) else here.problems.append(f"request: {request.url}")
            ),
        )
        page.goto(f"{file.as_uri()}{address}")
        return here

    yield open_it
    for context in contexts:
        context.close()
    assert [problem for each in opened for problem in each.problems] == []
