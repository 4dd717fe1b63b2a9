import json
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from demo_extracts import files_below, read_text

from orchestration.demo.prepare import DemoRefused, prepare

UNTIL = date(2026, 11, 22)


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    for home in ("one", "two"):
        prepare(tmp_path / home, UNTIL, deals=120, seed=4)
    assert files_below(tmp_path / "one") == files_below(tmp_path / "two")


def test_a_report_tells_folders_and_rows(tmp_path: Path) -> None:
    report = prepare(tmp_path, UNTIL, deals=120, seed=4, nights=3)
    deals = sum(read_text(path).height for path in tmp_path.glob("inbox/generic/*/deals.csv"))
    assert report.rows["deals"] == deals > 0
    assert [each.name for each in report.folders] == sorted(each.name for each in report.folders)
    assert prepare(tmp_path, UNTIL, deals=120, seed=4, nights=3).folders == ()


def test_a_company_goes_on_where_it_stood_though_a_new_one_would_begin_later(tmp_path: Path) -> None:
    prepare(tmp_path, UNTIL, deals=120, seed=4, nights=1)
    prepare(tmp_path, UNTIL + timedelta(days=40), deals=120, seed=4, nights=1)
    assert json.loads((tmp_path / "demo.json").read_text()) == {"deals": 120, "seed": 4, "since": "2023-11-01"}
    first = read_text(min(tmp_path.glob("inbox/generic/*")) / "deals.csv")
    assert first["created_at"].min()[:7] == "2023-11"


@pytest.mark.parametrize("change", [{"seed": 5}, {"deals": 121}, {"since": date(2023, 12, 1)}])
def test_another_company_in_the_same_home_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    prepare(tmp_path, UNTIL, deals=120, seed=4, nights=1)
    asked = {"deals": 120, "seed": 4, "nights": 1, **change}
    with pytest.raises(DemoRefused, match=r"demo\.json.*has seed 4, 120 deals, begun 2023-11-01.*another STAGEPROOF"):
        prepare(tmp_path, UNTIL, **asked)


def test_extracts_of_someone_else_are_refused_and_left_alone(tmp_path: Path) -> None:
    theirs = tmp_path / "inbox" / "generic" / "2026-11-20"
    theirs.mkdir(parents=True)
    (theirs / "deals.csv").write_text("deal_id\n")
    before = files_below(tmp_path)
    with pytest.raises(DemoRefused, match="not the demo company's"):
        prepare(tmp_path, UNTIL, deals=120)
    assert files_below(tmp_path) == before


@pytest.mark.parametrize("until", [date(2027, 11, 1), date(2023, 10, 31), date(2026, 11, 20)])
def test_days_that_the_company_cannot_tell_of_are_refused(tmp_path: Path, until: date) -> None:
    prepare(tmp_path, UNTIL, deals=120, seed=4, nights=1)
    with pytest.raises(DemoRefused, match=r"lives from 2023-11-01 to 2027-10-31|extracts begin on 2026-11-22"):
        prepare(tmp_path, until, deals=120, seed=4, nights=1)


def test_broken_settings_are_refused_with_their_file(tmp_path: Path) -> None:
    (tmp_path / "demo.json").write_text('{"seed": 4')
    with pytest.raises(DemoRefused, match=r"demo\.json.*remove it"):
        prepare(tmp_path, UNTIL, deals=120)


def test_truth_stands_beside_the_extracts_and_knows_how_deals_end(tmp_path: Path) -> None:
    prepare(tmp_path, UNTIL, deals=120, seed=4, nights=1)
    truth = {path.stem: pl.read_parquet(path) for path in (tmp_path / "demo_truth").glob("*.parquet")}
    assert set(truth) == {"deals", "gates", "parameters", "transitions", "hazards"}
    told = read_text(tmp_path / "inbox" / "generic" / str(UNTIL) / "deals.csv")
    assert set(told["deal_id"]) <= set(truth["deals"]["deal_id"])
    assert truth["deals"]["outcome"].null_count() < 20
