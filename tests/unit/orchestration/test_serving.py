"""Where a night is served: what readers are led to, what is kept, and what is said of a server that is not ready."""

from datetime import date
from pathlib import Path

import pytest
from publisher import TABLES, publish_files, record_of

from orchestration import serving
from orchestration.night import Home, Night
from orchestration.serving import ServingRefused, is_served, look, publish_to_postgres, retire, switch
from quality.standards import Standards, load
from quality.standards_models import PostgresTarget, Serving

STANDARDS = Path(serving.__file__).parents[1] / "quality" / "standards"


@pytest.fixture(autouse=True)
def few_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "PUBLISHED", {table.name: table for table in TABLES})


def night(home: Path, day: int) -> Night:
    return Night(date(2026, 1, day), "UTC", Home(home), STANDARDS)


def with_postgres(variable: str) -> Standards:
    served = Serving(postgres=PostgresTarget(url_variable=variable))
    return load(STANDARDS).model_copy(update={"serving": served})


def test_readers_are_led_to_the_latest_night(tmp_path: Path) -> None:
    for day in (1, 2):
        publish_files(night(tmp_path, day), rows=5)
    assert is_served(night(tmp_path, 2))
    assert night(tmp_path, 2).current_parquet.resolve().name == "2026-01-02-202601020000"
    assert sorted(path.name for path in night(tmp_path, 2).current_parquet.iterdir()) == [
        f"{name}.parquet" for name in sorted(table.name for table in TABLES)
    ]


def test_a_night_of_the_past_leads_nobody_back(tmp_path: Path) -> None:
    publish_files(night(tmp_path, 2), rows=5)
    publish_files(night(tmp_path, 1), rows=5)
    assert not switch(night(tmp_path, 1), record_of(night(tmp_path, 1)))
    assert night(tmp_path, 1).current_parquet.resolve().name.startswith("2026-01-02")
    assert is_served(night(tmp_path, 1)), "it is published, and readers rightly get the later one"


def test_a_night_whose_switch_was_cut_off_is_not_served(tmp_path: Path) -> None:
    publish_files(night(tmp_path, 1), rows=5)
    publish_files(night(tmp_path, 2), rows=5, is_switched=False)
    assert not is_served(night(tmp_path, 2))
    switch(night(tmp_path, 2), record_of(night(tmp_path, 2)))
    assert is_served(night(tmp_path, 2))


def test_the_same_night_gives_the_same_parquet_byte_for_byte(tmp_path: Path) -> None:
    files = []
    for name in ("a", "b"):
        publish_files(night(tmp_path / name, 1), rows=30_000)
        folder = night(tmp_path / name, 1).current_parquet
        files.append({file.name: file.read_bytes() for file in folder.iterdir()})
    assert files[0] == files[1]


def test_parquet_of_a_night_is_in_the_lake_and_takes_no_more_room_for_being_served(tmp_path: Path) -> None:
    publish_files(night(tmp_path, 1), rows=5)
    for file in night(tmp_path, 1).current_parquet.iterdir():
        assert file.samefile(night(tmp_path, 1).kept_parquet("202601010000") / file.name)


def test_files_of_the_latest_nights_are_kept_and_of_older_ones_retired(tmp_path: Path) -> None:
    for day in (1, 2, 3, 4):
        publish_files(night(tmp_path, day), rows=5)
    home = Home(tmp_path)
    assert [path.name for path in retire(home, 2)] == [
        *("2026-01-01.duckdb", "2026-01-02.duckdb"),
        *("2026-01-01-202601010000", "2026-01-02-202601020000"),
        *("2026-01-01-202601010000", "2026-01-02-202601020000"),
    ]
    assert [path.name for path in sorted(home.kept_served.iterdir())] == [
        *("2026-01-03-202601030000", "2026-01-04-202601040000"),
    ]
    assert retire(home, 2) == []
    assert is_served(night(tmp_path, 4))
    assert [folder.name for folder in home.nights.iterdir() if (folder / "night.json").exists()], "archives stay"


def test_without_a_schema_nothing_is_published_there(tmp_path: Path) -> None:
    publish_files(night(tmp_path, 1), rows=5)
    assert publish_to_postgres(night(tmp_path, 1), load(STANDARDS), {}) is None


def test_a_variable_that_is_not_set_is_said_in_one_sentence(tmp_path: Path) -> None:
    publish_files(night(tmp_path, 1), rows=5)
    standards = with_postgres("STAGEPROOF_POSTGRES_URL")
    with pytest.raises(ServingRefused, match=r"the environment variable STAGEPROOF_POSTGRES_URL is not set; set it"):
        publish_to_postgres(night(tmp_path, 1), standards, {})
    with pytest.raises(ServingRefused, match="STAGEPROOF_POSTGRES_URL is not set"):
        list(look(standards, {}))


def test_the_doctor_says_what_is_kept() -> None:
    assert list(look(load(STANDARDS), {})) == ["files of the latest 35 nights are kept"]
