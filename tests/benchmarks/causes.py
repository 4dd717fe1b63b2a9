"""How often the right cause is named, over demo worlds in which one thing became worse, or two, or nothing.

Run by hand: it takes more than an hour. A world is right where every planted cause is named in the quarter after the
change against the one before, and no other; without a change no comparison of quarters may name anything at all.
"""

import argparse
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

sys.path.insert(0, str(Path(__file__).parents[1]))

from compiled_models import CompiledModels
from planted_causes import PLANTED, REAL_CAUSES, Planted, answers, causes_of, prepare, world

BAR = 0.95
PREVIOUS = ("previous_quarter",)
COHORTS = ("previous_quarter", "year_ago", "best_quarter")


@dataclass
class Tally:
    """What became of the seeds of one world."""

    name: str
    planted: Planted
    seeds: int = 0
    counted: Counter[str] = field(default_factory=Counter)
    named: Counter[str] = field(default_factory=Counter)
    causes: list[pl.DataFrame] = field(default_factory=list)

    def add(self, causes: pl.DataFrame) -> None:
        """Count each funnel, a seed's."""
        self.causes.append(causes.filter(pl.col("comparison").is_in(PREVIOUS)))
        for answer in answers(causes, PREVIOUS if self.planted.causes else COHORTS).values():
            found = answer.lowering | answer.others
            self.seeds += 1
            self.counted["right"] += answer.is_right(self.planted) if self.planted.causes else not found
            self.counted["wrong"] += bool(found & set(REAL_CAUSES) - self.planted.causes)
            self.counted["rest leads"] += "within_segments" in answer.leading
            self.named.update(found)

    @property
    def is_kept(self) -> bool:
        return self.counted["right"] >= BAR * self.seeds

    def show(self) -> None:
        what = "names each planted cause and no other" if self.planted.causes else "names nothing"
        print(f"{self.name}: {what} in {self.counted['right']} of {self.seeds}; a wrong cause in", end=" ")
        print(f"{self.counted['wrong']}; what is left within segments leads somewhere in {self.counted['rest leads']}")
        print(f"  named: {dict(self.named.most_common())}")
        stages = (
            pl.concat(self.causes)
            .group_by("stage_rank", "stage", "cause")
            .agg(pl.col("share", "change").cast(pl.Float64).mean(), pl.col("focus_n", "reference_n").mean())
            .sort("stage_rank", "cause")
        )
        for (_, stage), rows in stages.group_by("stage_rank", "stage", maintain_order=True):
            shares = ", ".join(f"{cause} {share:+.3f}" for cause, share in rows.select("cause", "share").iter_rows())
            first = rows.row(0, named=True)
            sizes = f"{first['focus_n']:.0f} against {first['reference_n']:.0f} deals"
            print(f"  {stage}: {sizes}, change {first['change']:+.3f}: {shares}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first-seed", type=int, default=1000)
    parser.add_argument("--deals", type=int, default=12_000, help="in three years; a quarter has a twelfth of them")
    # Each funnel has gates of its own, and what is done on a deal is looked up for all of them: more cost more.
    parser.add_argument("--at-once", type=int, default=5, help="worlds that the SQL runs over together")
    parser.add_argument("--worlds", nargs="*", default=list(PLANTED), choices=list(PLANTED))
    arguments = parser.parse_args()
    tallies = [Tally(name, PLANTED[name]) for name in arguments.worlds]
    with tempfile.TemporaryDirectory(prefix="stageproof-bench-") as folder:
        root = Path(folder) / "company"
        models = prepare(root, min(arguments.at_once, arguments.seeds))
        for start in range(0, arguments.seeds, arguments.at_once):
            last = min(start + arguments.at_once, arguments.seeds)
            seeds = [arguments.first_seed + number for number in range(start, last)]
            for tally in tallies:
                tally.add(_causes(models, root / "standards", tally.planted, seeds, arguments.deals))
                print(f"  so far {tally.name}: right in {tally.counted['right']} of {tally.seeds}", flush=True)
    for tally in tallies:
        tally.show()
    return 0 if all(tally.is_kept for tally in tallies) else 1


def _causes(models: CompiledModels, standards: Path, planted: Planted, seeds: list[int], deals: int) -> pl.DataFrame:
    worlds = (world(planted, seed, deals) for seed in seeds)
    # Only the world without a change is asked what its other comparisons say.
    return causes_of(models, standards, worlds, quarters=1 if planted.causes else 8)


if __name__ == "__main__":
    sys.exit(main())
