"""A page that is open in a browser, for tests that use it as its readers do."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Locator, Page


@dataclass
class Opened:
    """One page in the browser, and everything that went wrong in it."""

    page: Page
    file: Path
    problems: list[str] = field(default_factory=list)

    def shown_rows(self, explorer: str = "violations") -> list[str]:
        """The texts of the rows that stand in the document, in their order."""
        return self.page.locator(f"#{explorer}-explorer .tabulator-row").all_inner_texts()

    def tally(self, explorer: str = "violations") -> str:
        return self.page.locator(f"#{explorer}-explorer .tally").inner_text()

    def facet(self, label: str, explorer: str = "violations") -> Locator:
        return self.page.locator(f"#{explorer}-explorer .facet-value").filter(has_text=label).first

    def download(self, explorer: str, label: str, folder: Path) -> Path:
        with self.page.expect_download() as waiting:
            self.page.locator(f"#{explorer}-explorer").get_by_role("button", name=label, exact=True).click()
        target = folder / waiting.value.suggested_filename
        waiting.value.save_as(target)
        return target


OpenPage = Callable[..., Opened]
