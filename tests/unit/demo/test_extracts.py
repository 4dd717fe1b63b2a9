import json
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest
import yaml
from demo_extracts import KEYS, files_below, read_text, state_after

from orchestration.demo import company
from orchestration.demo.extracts import OBJECTS, object_rows, write
from orchestration.demo.world import World, simulate

PROJECT = Path(__file__).parents[3]
UNTIL = date(2026, 11, 22)
KEYS_OF_OBJECTS = (("deals", "deal_id"), ("accounts", "account_id"), ("users", "user_id"))
INSTANT = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00$"


@pytest.fixture(scope="module")
def inbox(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home") / "inbox"
    write(world, folder, UNTIL, nights=7)
    return folder


@pytest.fixture(scope="module")
def full(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    """Everything, as one full extract of the last night tells it."""
    folder = tmp_path_factory.mktemp("full") / "inbox"
    (night,) = write(world, folder, UNTIL, nights=1)
    return {path.stem: read_text(path) for path in night.glob("*.csv")}


def test_the_first_night_is_full_and_each_later_one_a_delta(inbox: Path) -> None:
    folders = sorted((inbox / "generic").iterdir())
    assert [each.name for each in folders] == [str(UNTIL - timedelta(days=days)) for days in range(6, -1, -1)]
    kinds = [json.loads((each / "manifest.json").read_text())["extract"] for each in folders]
    assert kinds == ["full"] + ["delta"] * 6


def test_a_manifest_tells_rows_bytes_and_hash_of_every_file(inbox: Path) -> None:
    for folder in (inbox / "generic").iterdir():
        promised = json.loads((folder / "manifest.json").read_text())["files"]
        assert set(promised) == {path.name for path in folder.glob("*.csv")}
        for name, each in promised.items():
            content = (folder / name).read_bytes()
            assert each["bytes"] == len(content)
            assert each["sha256"] == sha256(content).hexdigest()
            assert each["rows"] == read_text(folder / name).height > 0


def test_the_full_extract_holds_every_object_of_the_company(inbox: Path) -> None:
    first = min((inbox / "generic").iterdir())
    assert {path.stem for path in first.glob("*.csv")} == set(OBJECTS)


def test_full_and_deltas_add_up_to_a_full_extract_of_the_last_night(inbox: Path, full: dict[str, pl.DataFrame]) -> None:
    folders = sorted((inbox / "generic").iterdir())
    for name in OBJECTS:
        assert state_after(folders, name).equals(full[name].sort(KEYS[name])), name


def test_nothing_told_on_a_night_is_of_a_later_day(inbox: Path) -> None:
    planned = {"expected_close_date", "period_start", "period_end"}
    for folder in (inbox / "generic").iterdir():
        for path in folder.glob("*.csv"):
            frame = read_text(path)
            for column in frame.columns:
                if column.endswith(("_at", "_date")) and column not in planned:
                    days = frame[column].drop_nulls().str.slice(0, 10)
                    assert days.is_empty() or days.max() <= folder.name, (folder.name, path.name, column)


def test_instants_carry_their_offset(full: dict[str, pl.DataFrame]) -> None:
    for name, frame in full.items():
        for column in frame.columns:
            if column.endswith("_at"):
                assert frame[column].drop_nulls().str.contains(INSTANT).all(), (name, column)


def test_a_deal_that_later_closed_is_told_as_open_on_the_nights_before(world: World, tmp_path: Path) -> None:
    closing = world.changes.filter(pl.col("stage") == "赢单", pl.col("kind") == "stage").row(-20, named=True)
    night = closing["changed_at"].date() - timedelta(days=2)
    (folder,) = write(world, tmp_path, night, nights=1)
    told = read_text(folder / "deals.csv").filter(pl.col("deal_id") == f"D-{closing['deal'] + 1:08d}")
    assert told["closed_at"].item() is None
    assert told["stage"].item() not in ("赢单", "输单", "长期培育")
    assert told["modified_at"].item()[:10] <= str(night)


def test_no_identifier_stands_twice_in_an_extract(full: dict[str, pl.DataFrame]) -> None:
    for name, frame in full.items():
        assert not frame.select(KEYS[name]).is_duplicated().any(), name
    assert full["stage_changes"]["change_id"].is_unique().all()
    assert full["evidence"]["source_id"].is_unique().all()


def test_every_reference_leads_somewhere(full: dict[str, pl.DataFrame]) -> None:
    deals, accounts, users = (set(full[name][key]) for name, key in KEYS_OF_OBJECTS)
    for name, frame in full.items():
        for column, known in (
            ("deal_id", deals),
            ("converted_deal_id", deals),
            ("account_id", accounts),
            ("owner_id", users),
            ("changed_by", users),
            ("manager_id", users),
        ):
            if column in frame.columns:
                assert set(frame[column].drop_nulls()) <= known, (name, column)


def test_the_history_of_a_deal_ends_in_its_own_stage_amount_and_close_date(full: dict[str, pl.DataFrame]) -> None:
    last = full["stage_changes"].sort("change_id").group_by("deal_id").last()
    deals = full["deals"].select("deal_id", "stage", "amount", "expected_close_date")
    both = deals.join(last, on="deal_id", suffix="_told", how="left")
    for column in ("stage", "amount", "expected_close_date"):
        assert both[column].eq_missing(both[f"{column}_told"]).all(), column


def test_the_history_of_a_deal_begins_with_its_creation(full: dict[str, pl.DataFrame]) -> None:
    first = full["stage_changes"].sort("change_id").group_by("deal_id").first()
    both = full["deals"].select("deal_id", "created_at").join(first, on="deal_id", how="left")
    assert (both["created_at"] == both["changed_at"]).all()


def test_a_deal_is_closed_exactly_where_its_stage_is(full: dict[str, pl.DataFrame]) -> None:
    deals = full["deals"]
    is_terminal = deals["stage"].is_in(company.STAGE_LABELS[company.OPEN_STAGES :])
    assert (deals["closed_at"].is_not_null() == is_terminal).all()
    assert (deals["closed_at"].is_null() | (deals["closed_at"] == deals["stage_entered_at"])).all()


def test_lost_deals_alone_have_a_reason_and_a_few_lack_it(full: dict[str, pl.DataFrame]) -> None:
    deals = full["deals"]
    is_lost = deals["stage"] == "输单"
    assert deals.filter(~is_lost)["lost_reason"].is_null().all()
    assert 0 < deals.filter(is_lost)["lost_reason"].is_null().mean() < 0.15


def test_rules_find_deals_without_amount_or_next_step_or_with_a_passed_close_date(
    full: dict[str, pl.DataFrame],
) -> None:
    still_open = full["deals"].filter(pl.col("closed_at").is_null(), pl.col("is_deleted") == "false")
    late = still_open["stage"].is_in(("方案报价", "商务谈判"))
    assert 0 < still_open.filter(late)["amount"].is_null().mean() < 0.25
    assert 0.03 < still_open["next_step"].is_null().mean() < 0.2
    assert 0.03 < (still_open["expected_close_date"] < str(UNTIL - timedelta(days=3))).mean() < 0.5


def test_chinese_customers_are_written_of_in_chinese_and_others_in_english(full: dict[str, pl.DataFrame]) -> None:
    both = full["deals"].join(full["accounts"].select("account_id", "country"), on="account_id")
    chinese = r"\p{Han}"
    for column in ("deal_name", "product", "next_step", "lost_reason"):
        told = both.filter(pl.col(column).is_not_null())
        assert (told[column].str.contains(chinese) == (told["country"] == "China")).all(), column


def test_deals_are_in_two_currencies_and_the_foreign_one_has_a_rate_from_the_first_day(
    full: dict[str, pl.DataFrame],
) -> None:
    assert set(full["deals"]["currency"]) == {"CNY", "EUR"}
    assert full["fx_rates"]["rate_date"].min() <= full["deals"]["created_at"].min()[:10]
    assert set(full["fx_rates"]["currency"]) == {"EUR"}
    assert full["fx_rates"]["rate"].cast(pl.Float64).is_between(6, 10).all()


def test_columns_are_those_of_the_neutral_layout(full: dict[str, pl.DataFrame]) -> None:
    layout = yaml.safe_load((PROJECT / "orchestration" / "ingest" / "neutral_layout.yml").read_text(encoding="utf-8"))
    for name, frame in full.items():
        assert frame.columns == list(layout["objects"][name]["columns"]), name
        assert KEYS[name] == layout["objects"][name]["key"], name


def test_writing_again_touches_nothing_and_a_later_day_only_adds_nights(world: World, tmp_path: Path) -> None:
    write(world, tmp_path, UNTIL, nights=3)
    before = files_below(tmp_path)
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert write(world, tmp_path, UNTIL, nights=3) == []
    added = write(world, tmp_path, UNTIL + timedelta(days=10), nights=3)
    assert [each.name for each in added] == [str(UNTIL + timedelta(days=days)) for days in range(1, 11)]
    assert all(json.loads((each / "manifest.json").read_text())["extract"] == "delta" for each in added)
    assert {name: content for name, content in files_below(tmp_path).items() if name in before} == before
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items())


def test_the_files_of_a_night_are_the_same_whenever_they_are_written(world: World, tmp_path: Path) -> None:
    write(world, tmp_path / "at_once", UNTIL, nights=5)
    for days in range(4, -1, -1):
        write(world, tmp_path / "night_by_night", UNTIL - timedelta(days=days), nights=1)
    assert files_below(tmp_path / "at_once") == files_below(tmp_path / "night_by_night")


def test_a_night_without_any_change_has_no_folder(tmp_path: Path) -> None:
    tiny = simulate(5, 1, date(2024, 1, 1))
    write(tiny, tmp_path, date(2024, 3, 31), nights=30)
    folders = sorted((tmp_path / "generic").iterdir())
    assert 1 < len(folders) < 30
    for folder in folders:
        assert json.loads((folder / "manifest.json").read_text())["files"]


def test_what_a_stopped_run_left_is_no_extract_and_is_replaced(world: World, tmp_path: Path) -> None:
    half = tmp_path / "generic" / f".{UNTIL}.tmp"
    half.mkdir(parents=True)
    (half / "deals.csv").write_text("deal_id\nhalf")
    (folder,) = write(world, tmp_path, UNTIL, nights=1)
    assert [each.name for each in (tmp_path / "generic").iterdir()] == [folder.name]


@pytest.mark.parametrize(("until", "nights"), [(date(2023, 11, 2), 7), (date(2027, 11, 1), 1), (UNTIL, 0)])
def test_days_outside_the_world_are_refused(world: World, tmp_path: Path, until: date, nights: int) -> None:
    with pytest.raises(ValueError, match=r"world runs from|at least one night"):
        write(world, tmp_path, until, nights)


def test_rows_of_a_window_are_those_of_the_file(world: World, full: dict[str, pl.DataFrame]) -> None:
    for name in OBJECTS:
        assert object_rows(world, name, (None, UNTIL)).height == full[name].height
