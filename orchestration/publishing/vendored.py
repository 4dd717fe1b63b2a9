"""The scripts of others that a page brings along, so that it needs no network: which, whose, and that they are theirs.

Belongs here: name, version, source package and SHA-256 of each file under `vendor/`, and reading one. Not here: what a
page does with them (`assets/`). `vendor/README.md` says how to take a newer version.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "vendor"


class VendoredFileError(Exception):
    """A file under `vendor/` is not the one that was reviewed; the sentence names it."""


@dataclass(frozen=True)
class Vendored:
    """One file of an npm package, byte for byte. `file` is relative to `vendor/`; licences stand beside it."""

    package: str
    version: str
    licence: str
    file: str
    sha256: str


TABULATOR = Vendored(
    package="tabulator-tables",
    version="6.5.3",
    licence="MIT",
    file="tabulator-6.5.3/tabulator.min.js",
    sha256="ffac518cb793c672a2f0522b7fc80bf862234d96bb1e581c8aaf7f48f130eafa",
)
TABULATOR_STYLE = Vendored(
    package="tabulator-tables",
    version="6.5.3",
    licence="MIT",
    file="tabulator-6.5.3/tabulator_simple.min.css",
    sha256="edef8839235a4b6a8c3dc391ec93f2ce1bc633dd5270a5f990753b6f9183d32b",
)
CHART_JS = Vendored(
    package="chart.js",
    version="4.6.1",
    licence="MIT",
    file="chartjs-4.6.1/chart.umd.min.js",
    sha256="87364cc2b2a76a6684929e7d6b80b18a897794db38400caff1fcf1791c6925d2",
)
WRITE_EXCEL_FILE = Vendored(
    package="write-excel-file",
    version="4.1.1",
    licence="MIT",
    file="write-excel-file-4.1.1/write-excel-file.min.js",
    sha256="d57b59731b19d443f6b7333c5af0aa7250c87146a106f8a746f63429e7694c8e",
)
ALL = (TABULATOR, TABULATOR_STYLE, CHART_JS, WRITE_EXCEL_FILE)


@cache
def read(vendored: Vendored) -> str:
    """The text of a file as its authors released it, without the line that names its source map.

    The map is not brought along, and a browser's developer tools would ask the network for it.

    Raises:
        VendoredFileError: the file has another hash than the one noted here.
    """
    content = (FOLDER / vendored.file).read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != vendored.sha256:
        raise VendoredFileError(
            f"vendor/{vendored.file} has the SHA-256 {found}, not the one noted for {vendored.package} "
            f"{vendored.version}; take the file from the package again"
        )
    lines = content.decode().splitlines()
    return "\n".join(line for line in lines if not line.startswith(("//# sourceMappingURL=", "/*# sourceMappingURL=")))
