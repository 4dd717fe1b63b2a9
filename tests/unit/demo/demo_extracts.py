"""Readers of what the demo company's CRM writes."""

from pathlib import Path

import polars as pl

KEYS = {
    "deals": ["deal_id"],
    "stage_changes": ["deal_id", "stage", "changed_at"],
    "field_changes": ["deal_id", "field", "changed_at"],
    "activities": ["activity_id"],
    "evidence": ["deal_id", "evidence_key", "observed_at", "source_id"],
    "contact_roles": ["deal_id", "contact_id", "role"],
    "accounts": ["account_id"],
    "leads": ["lead_id"],
    "users": ["user_id"],
    "targets": ["period_start", "period_end", "funnel", "team", "owner_id"],
    "fx_rates": ["rate_date", "currency"],
}


def read_text(path: Path) -> pl.DataFrame:
    """A CSV as it stands, every field as text."""
    return pl.read_csv(path, infer_schema=False)


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in sorted(folder.rglob("*")) if each.is_file()}


def state_after(folders: list[Path], name: str) -> pl.DataFrame:
    """One object after all these extracts, in order: the newest row of each key, sorted by key."""
    told = [read_text(path) for folder in folders if (path := folder / f"{name}.csv").exists()]
    return pl.concat(told).unique(KEYS[name], keep="last").sort(KEYS[name])
