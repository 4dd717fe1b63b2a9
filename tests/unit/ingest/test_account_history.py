"""What accounts were on earlier days is kept, unmapped columns too; of people only what is listed is."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from orchestration.ingest.load import known_objects, load
from orchestration.ingest.mapping import CrmMapping
from orchestration.ingest.taking import Shelf
from orchestration.opening import mappings
from orchestration.warehouse import Warehouse

ZONE = "UTC"
AS_OF = datetime(2026, 4, 4, tzinfo=UTC)


def exposed(shelf: Shelf, mapping: CrmMapping, root: Path, table: str) -> pl.DataFrame:
    warehouse = Warehouse(root / "warehouse.duckdb")
    for raw, files in known_objects(shelf, mapping, AS_OF):
        if raw.name == table:
            warehouse.expose([(raw, files.files)])
    return warehouse.read(f"raw_{mapping.crm}.{table}")


def test_a_changed_a_blank_and_a_vanished_attribute_each_leave_a_date(
    shelf: Shelf, neutral: CrmMapping, put: Callable[..., Path], tmp_path: Path
) -> None:
    header = "account_id,account_name,employees"
    put(f"{header},x_tier\nA1,One,50,gold\nA2,Two,10,tin\n", "2026-04-01", "accounts.csv")
    put(f"{header},x_tier\nA1,One,60,\nA2,Two,10,tin\n", "2026-04-02", "accounts.csv")
    put(f"{header}\nA1,Other name,60\nA2,Two,10\n", "2026-04-03", "accounts.csv")
    load(shelf, neutral, ZONE, AS_OF)

    accounts = exposed(shelf, neutral, tmp_path, "accounts_observed").sort("account_id", "observed_at")
    assert accounts.select("account_id", pl.col("observed_at").dt.day(), "employees", "is_present").rows() == [
        ("A1", 2, 50, True),
        ("A1", 3, 60, True),
        ("A2", 2, 10, True),
    ]
    tiers = exposed(shelf, neutral, tmp_path, "accounts_attributes_observed").sort("record_id", "observed_at")
    assert tiers.select("record_id", pl.col("observed_at").dt.day(), "attribute_value", "is_present").rows() == [
        ("A1", 2, "gold", True),
        ("A1", 3, None, True),
        ("A1", 4, None, False),
        ("A2", 2, "tin", True),
        ("A2", 4, "tin", False),
    ]


def test_of_a_contact_only_its_life_as_a_lead_is_kept(shelf: Shelf, tmp_path: Path) -> None:
    folder = shelf.inbox / "hubspot" / "2026-04-01"
    folder.mkdir(parents=True)
    (folder / "contacts.csv").write_text(
        "id,firstname,favourite_colour,lifecyclestage,createdate,first_deal_created_date,hs_analytics_source\n"
        "1,Ada,blue,lead,2026-03-01T00:00:00Z,,PAID_SEARCH\n",
        encoding="utf-8",
    )
    mapping = mappings()["hubspot"]
    load(shelf, mapping, ZONE, AS_OF)
    kept = exposed(shelf, mapping, tmp_path, "contact")
    assert kept.select("contact_id", "lifecycle_stage", "lead_source").rows() == [("1", "lead", "PAID_SEARCH")]
    assert not any(
        b"Ada" in path.read_bytes() or b"blue" in path.read_bytes() for path in shelf.lake.rglob("*.parquet")
    )
    assert exposed(shelf, mapping, tmp_path, "contact_attributes").is_empty()
