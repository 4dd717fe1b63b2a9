"""A page that is open in a browser, for tests that use it as its readers do."""

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page

CHINESE, LATIN = re.compile(r"[\u4e00-\u9fff\u3000-\u303f\uff00-\uffef]"), re.compile(r"[A-Za-z]{2,}")


@dataclass
class Opened:
    """One page in the browser, and everything that went wrong in it."""

    page: Page
    file: Path
    problems: list[str] = field(default_factory=list)

    def shown_rows(self, explorer: str = "violations") -> list[str]:
        """The texts of the rows that stand in the document, in their order."""
        return self.page.locator(f"#{explorer}-explorer .tabulator-row").all_inner_texts()

    def names(self, explorer: str = "violations") -> list[str]:
        """The names of the deals of the rows shown."""
        return self.page.locator(f"#{explorer}-explorer .tabulator-row .deal-name bdi").all_inner_texts()

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


def visible_texts(opened: Opened) -> list[str]:
    """Texts and labels that a reader of this language meets, those of the company's own data left out."""
    return opened.page.evaluate(
        """() => {
          const texts = [];
          const seen = (element) => element.checkVisibility({ visibilityProperty: true }) || element.closest("option");
          const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          while (walker.nextNode()) {
            const element = walker.currentNode.parentElement;
            if (element.closest('script, style, [translate="no"]') || !seen(element)) continue;
            if (walker.currentNode.textContent.trim()) texts.push(walker.currentNode.textContent.trim());
          }
          for (const element of document.querySelectorAll("[aria-label], [placeholder], [title]")) {
            if (element.closest('[translate="no"]') && !element.matches("button")) continue;
            if (!seen(element)) continue;
            for (const name of ["aria-label", "placeholder", "title"]) {
              if (element.getAttribute(name)) texts.push(element.getAttribute(name));
            }
          }
          texts.push(document.title);
          return texts;
        }"""
    )


def foreign_texts(opened: Opened, language: str, names: re.Pattern[str]) -> list[str]:
    """Visible texts in the other language. names: what is called the same in both."""
    foreign = CHINESE if language == "en" else LATIN
    return [text for text in visible_texts(opened) if foreign.search(names.sub("", text))]


def drawn_colours(canvas: Locator) -> int:
    """How many colours a chart is made of; an empty one has one."""
    return canvas.evaluate(
        """(canvas) => {
          const copy = new OffscreenCanvas(canvas.width, canvas.height);
          const context = copy.getContext("2d", { willReadFrequently: true });
          context.drawImage(canvas, 0, 0);
          return new Set(new Uint32Array(context.getImageData(0, 0, copy.width, copy.height).data.buffer)).size;
        }"""
    )


def assert_keeps_to_wcag_aa(opened: Opened, place: str) -> None:
    # All that passed would be told element by element, which takes longer than to look at it.
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}
    found = Axe().run(opened.page, options=options)
    assert found.violations_count == 0, f"{place}: {found.generate_report()}"


def rows_of(path: Path) -> list[dict[str, str]]:
    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf"), "without the mark Excel reads Chinese as mojibake"
    return list(csv.DictReader(content.decode("utf-8-sig").splitlines(keepends=True)))
