"""Extracts that can be read and are not credible: the night goes on with what is known, and says so."""

import json
from collections.abc import Callable

import pytest
from clones import Clone, put_extract

MakeClone = Callable[[str | None], Clone]

HEADER = "deal_id,stage,created_at,amount,currency\n"
DEALS = [f"{number},初步接洽,2026-03-01T09:00:00+08:00,1000.00,CNY\n" for number in range(10)]


@pytest.fixture(scope="module")
def company(clone: MakeClone) -> Clone:
    made = clone(None)
    put_extract(made, "2026-03-06", {"deals.csv": HEADER + "".join(DEALS)})
    made.night("2026-03-06")
    return made


def test_an_extract_with_a_renamed_column_is_held_and_one_that_shrank_until_a_manifest_proves_it(
    company: Clone,
) -> None:
    put_extract(company, "2026-03-07", {"deals.csv": HEADER.replace("stage", "stage_name") + "".join(DEALS)})
    put_extract(company, "2026-03-08", {"deals.csv": HEADER + "".join(DEALS[:7])})
    said = company.night("2026-03-08")
    assert (
        "Held             inbox/generic/2026-03-07/deals.csv, line 1: expected column 'stage' of deals, found deal_id, "
        "stage_name, created_at, amount, currency, closest match stage_name;" in said
    )
    assert "inbox/generic/2026-03-08/deals.csv: has 7 records where the last full extract of deals had 10" in said
    held = "select extracts_held, rows_in from nights where business_date = '2026-03-08'"
    assert company.query(held).row(0) == (2, 0)
    assert company.query("select count(*) from deals_current").item() == 10
    page = (company.home / "reports" / "2026-03-08" / "review.html").read_text(encoding="utf-8")
    assert "2 extracts are held" in page

    assert "Nothing changed" in company.night("2026-03-08"), "what is held waits, it is not news each time"

    manifest = {"extract": "full", "files": {"deals.csv": {"rows": 7}}}
    put_extract(company, "2026-03-08", {"manifest.json": json.dumps(manifest)})
    company.night("2026-03-08")
    assert company.query(held).row(0) == (1, 7)
    assert company.query("select count(*) from deals_current").item() == 7
