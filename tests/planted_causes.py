"""Demo worlds in which one thing became worse on a known day, each as a funnel of one company, and their causes.

For the test and the benchmark that ask whether the right cause is named. The SQL runs once for many worlds.
"""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from pathlib import Path

import polars as pl
import yaml
from compiled_models import CompiledModels, compile_models

from orchestration.demo import render
from orchestration.demo.calendar import OFFSET_SECONDS, add_months, end_of
from orchestration.demo.change import Change
from orchestration.demo.world import World, simulate
from orchestration.insights.causes import Settings, conversion_causes, stage_names
from orchestration.night import PROJECT
from quality.standards import load, tables

SHIPPED = PROJECT / "quality" / "standards"
CHANGED_ON = date(2025, 7, 1)
# In the middle of the quarter that is compared: half of its deals came before.
MID_QUARTER = date(2025, 8, 16)
SINCE = add_months(CHANGED_ON, -15)
# The quarter after the change has been watched for 125 days, the next one for 33: no stage's horizon is as short.
NIGHT = date(2025, 9, 30) + timedelta(days=125)
MARTS = ("conversion_cells",)
OBJECTS = ("deals", "stage_changes", "activities", "evidence", "accounts", "users")
REAL_CAUSES = ("lead_quality", "unproven_advancement", "follow_up", "stalls_and_early_closes")


@dataclass(frozen=True)
class Planted:
    """What is worse, since when, and the causes that are to be named for it.

    is_hard: too little of it, or among too few deals, to be named each time; it must still not be named wrongly.
    deals: in three years, where a world has other than the usual number.
    """

    change: Mapping[str, float]
    causes: frozenset[str]
    since: date = CHANGED_ON
    is_hard: bool = False
    deals: int | None = None


_SINGLE: Mapping[str, tuple[dict[str, float], str]] = {
    "leads": ({"poor_leads": 0.7}, "lead_quality"),
    "proof": ({"less_proof": 3.0}, "unproven_advancement"),
    "stalls": ({"more_stalls": 0.2}, "stalls_and_early_closes"),
    "early closes": ({"more_early_closes": 0.15}, "stalls_and_early_closes"),
    "follow-up": ({"fewer_touches": 0.65}, "follow_up"),
}
PLANTED: Mapping[str, Planted] = {
    "nothing": Planted({}, frozenset()),
    **{name: Planted(change, frozenset({cause})) for name, (change, cause) in _SINGLE.items()},
    **{
        f"{one} and {other}": Planted(
            {**_SINGLE[one][0], **_SINGLE[other][0]}, frozenset({_SINGLE[one][1], _SINGLE[other][1]})
        )
        for one, other in (("leads", "stalls"), ("proof", "follow-up"), ("leads", "follow-up"))
    },
}


# A quarter has a hundred deals of these.
FEW = 1_200
HARD: Mapping[str, Planted] = {
    "nothing, few deals": Planted({}, frozenset(), deals=FEW),
    **{
        f"{name}, {how}": Planted(change, frozenset({cause}), since, is_hard=True, deals=deals)
        for how, since, deals in (("few deals", CHANGED_ON, FEW), ("since mid-quarter", MID_QUARTER, None))
        for name, (change, cause) in _SINGLE.items()
    },
}


def world(planted: Planted, seed: int, deals: int) -> World:
    return simulate(seed, planted.deals or deals, SINCE, Change(planted.since, **planted.change))


def prepare(root: Path, funnels: int) -> CompiledModels:
    """The models over a company of so many funnels (w0, w1, …), each a copy of the shipped one."""
    folder = root / "standards"
    shutil.copytree(SHIPPED, folder)
    path = folder / "funnels" / "direct_sales.yml"
    shipped = yaml.safe_load(path.read_text(encoding="utf-8"))
    for each in (folder / "funnels").glob("*.yml"):
        each.unlink()
    for number in range(funnels):
        copy = {**shipped, "funnel": f"w{number}", "is_default": number == 0, "crm_names": {"generic": [f"w{number}"]}}
        text = yaml.safe_dump(copy, allow_unicode=True, sort_keys=False)
        (folder / "funnels" / f"w{number}.yml").write_text(text, encoding="utf-8")
    return compile_models(root, folder, NIGHT, MARTS)


def causes_of(
    models: CompiledModels, standards: Path, worlds: Iterable[World], quarters: int = 8, *, has_people: bool = False
) -> pl.DataFrame:
    """`conversion_causes` of these worlds, the first being the funnel w0; against so many quarters before at most.

    has_people: owners and teams are compared too. Those of the demo differ in truth, so that deals are dealt out to
    them anew by lot, and nobody is better than others.
    """
    told: dict[str, list[pl.DataFrame]] = {name: [] for name in OBJECTS}
    schemas = {name: models.warehouse.read(f"raw_generic.{name}").clear().schema for name in OBJECTS}
    for number, each in enumerate(worlds):
        made = _rows(each, f"w{number}")
        if has_people:
            made["deals"] = made["deals"].with_columns(pl.col("owner_id").shuffle(seed=number))
        for name, rows in made.items():
            told[name].append(_as_raw(rows, schemas[name], f"w{number}"))
    models.warehouse.write("raw_generic", {name: pl.concat(rows) for name, rows in told.items()})
    decided = load(standards)
    # Every extract is there on the night; or nobody could say of any proof that it is missing.
    as_of = end_of(NIGHT).astimezone(UTC).replace(tzinfo=None)
    models.write_inputs({"crm": "generic", "feeds": name, "last_extracted_at": as_of} for name in OBJECTS)
    models.rebuild()
    settings = Settings(
        decided.company.minimum_n, decided.company.shrinkage_deals, stage_names(tables(decided)["funnel_stages"])
    )
    is_compared = (pl.col("scope") == "quarter") & (pl.col("quarters_back") <= quarters)
    if has_people:
        is_compared |= pl.col("scope") != "quarter"
    cells = models.warehouse.read("marts.conversion_cells").filter(is_compared)
    return conversion_causes(cells, settings, NIGHT)


def _rows(world: World, funnel: str) -> dict[str, pl.DataFrame]:
    """What the CRM knew at the end of the night, in the neutral layout."""
    end = end_of(NIGHT).astimezone(UTC)
    changes = world.changes.with_row_index("change").filter(pl.col("changed_at") < end)
    known = {
        "deals": changes.unique("deal", keep="last", maintain_order=True),
        "stage_changes": changes.filter(pl.col("kind") == "stage"),
        "activities": world.activities.with_row_index("activity").filter(pl.col("known_at") < end),
        "evidence": world.evidence.with_row_index("fact").filter(pl.col("known_at") < end),
        "accounts": world.accounts.filter(pl.col("known_at") < end),
        "users": world.users,
    }
    made = {name: getattr(render, name)(world, rows) for name, rows in known.items()}
    made["deals"] = made["deals"].with_columns(pl.lit(funnel).alias("funnel"))
    return made


def _as_raw(rows: pl.DataFrame, schema: pl.Schema, prefix: str) -> pl.DataFrame:
    """Typed as the warehouse has it, identifiers told apart by world, instants in UTC."""
    columns = []
    for name, kind in schema.items():
        if name not in rows.columns:
            columns.append(pl.lit(None, kind).alias(name))
        elif name.endswith("_id") or name == "changed_by":
            columns.append(pl.concat_str(pl.lit(f"{prefix}-"), pl.col(name).cast(pl.String)).alias(name))
        elif isinstance(kind, pl.Datetime):
            columns.append((pl.col(name) - pl.duration(seconds=OFFSET_SECONDS)).cast(kind).alias(name))
        else:
            columns.append(pl.col(name).cast(kind).alias(name))
    return rows.select(columns)


@dataclass(frozen=True)
class Answer:
    """What the latest quarter against another names: causes that lower a stage's conversion, and all others.

    leading: by stage. fell_most: the stage of which conversion fell most among those of which something is named.
    """

    lowering: frozenset[str]
    others: frozenset[str]
    leading: Mapping[str, str]
    fell_most: str | None

    def is_right(self, planted: Planted) -> bool:
        """Each planted cause is named and leads, nothing else but what is left within segments is named, and a planted
        cause leads where conversion fell most."""
        if not planted.causes:
            return not self.lowering and not self.others
        return (
            not self.is_wrong(planted)
            and self.lowering >= planted.causes
            and set(self.leading.values()) & planted.causes != set()
            and self.leading.get(self.fell_most or "") in planted.causes
        )

    def is_wrong(self, planted: Planted) -> bool:
        """A measured cause is named that is none; without a change anything is."""
        known = planted.causes | {"within_segments"} if planted.causes else frozenset()
        return bool(self.lowering - known or self.others - known)


def answers(causes: pl.DataFrame, comparisons: Sequence[str] = ("previous_quarter",)) -> dict[str, Answer]:
    """By funnel."""
    named = causes.filter(pl.col("is_named") & pl.col("comparison").is_in(list(comparisons)))
    found = {}
    for funnel in causes["funnel"].unique().to_list():
        here = named.filter(pl.col("funnel") == funnel)
        found[funnel] = Answer(
            frozenset(here.filter(pl.col("share") < 0)["cause"]),
            frozenset(here.filter(pl.col("share") > 0)["cause"]),
            dict(here.filter("is_leading").select("stage", "cause").iter_rows()),
            next(iter(here.sort("change", "stage")["stage"]), None),
        )
    return found
