"""What is kept in the lake and shown from there, and what moves there from the home of an earlier version."""

from datetime import date
from pathlib import Path

import pytest

from orchestration import running
from orchestration.keeping import keep_page, keep_standards, settle, show_folder
from orchestration.night import PROJECT, Home, Night
from quality.standards import fingerprint

OF_BEFORE = {
    "warehouse/nights/2026-03-06/night.json": "record",
    "warehouse/nights/2026-03-06/forecast_period.parquet": "first word",
    "warehouse/nights/2026-03-07/night.json": "record",
    "alerts/2026-03-06.json": "told",
    "quarantine/generic/deals/refused.parquet": "refused",
    "served/parquet/2026-03-06-abc/deals.parquet": "deals",
    "reports/2026-03-06/review.html": "page",
}
NOW = {
    "lake/nights/2026-03-06/night.json": "record",
    "lake/nights/2026-03-06/forecast_period.parquet": "first word",
    "lake/nights/2026-03-07/night.json": "record",
    "lake/alerts/2026-03-06.json": "told",
    "lake/quarantine/generic/deals/refused.parquet": "refused",
    "lake/served/2026-03-06-abc/deals.parquet": "deals",
    "lake/reports/2026-03-06/review.html": "page",
    "served/parquet/2026-03-06-abc/deals.parquet": "deals",
    "reports/2026-03-06/review.html": "page",
}


def files(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def put(root: Path, content: dict[str, str]) -> None:
    for name, text in content.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def night(root: Path) -> Night:
    return Night(date(2026, 3, 6), "UTC", Home(root), PROJECT / "quality" / "standards")


def test_the_home_of_an_earlier_version_moves_into_the_lake(tmp_path: Path) -> None:
    put(tmp_path, OF_BEFORE)
    with running.alone(Home(tmp_path), "stageproof night"):
        pass
    found = files(tmp_path)
    assert found.pop("lake/.lock") == ""
    assert found == NOW
    settle(Home(tmp_path))
    assert files(tmp_path) == NOW | {"lake/.lock": ""}


def test_a_move_that_was_cut_off_goes_on_and_what_has_moved_stays(tmp_path: Path) -> None:
    put(tmp_path, OF_BEFORE | {"lake/nights/2026-03-06/night.json": "a later record"})
    settle(Home(tmp_path))
    found = files(tmp_path)
    assert found["lake/nights/2026-03-06/night.json"] == "a later record"
    assert found["lake/nights/2026-03-06/forecast_period.parquet"] == "first word"
    assert found["lake/nights/2026-03-07/night.json"] == "record"


def test_a_page_is_one_file_under_two_names_and_is_not_touched_where_it_is_the_same(tmp_path: Path) -> None:
    page, kept = night(tmp_path).review_file, tmp_path / "lake" / "reports" / "2026-03-06" / "review.html"
    keep_page(night(tmp_path), page, b"one")
    written = page.stat().st_mtime_ns
    keep_page(night(tmp_path), page, b"one")
    assert page.samefile(kept)
    assert page.stat().st_mtime_ns == written
    keep_page(night(tmp_path), page, b"two")
    assert (page.read_bytes(), kept.read_bytes()) == (b"two", b"two")


def test_a_volume_without_hard_links_gets_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError("not supported")

    monkeypatch.setattr("os.link", refused)
    put(tmp_path, {"kept/a": "1", "kept/b": "2"})
    show_folder(tmp_path / "kept", tmp_path / "shown")
    assert files(tmp_path / "shown") == {"a": "1", "b": "2"}


def test_standards_are_kept_once_and_say_the_same(tmp_path: Path) -> None:
    keep_standards(night(tmp_path), "0123456789abcdef")
    kept = Home(tmp_path).kept_standards("0123456789abcdef")
    assert fingerprint(kept) == fingerprint(PROJECT / "quality" / "standards")
    (kept / "icp.yml").write_text("kept as it is")
    keep_standards(night(tmp_path), "0123456789abcdef")
    assert (kept / "icp.yml").read_text() == "kept as it is"
