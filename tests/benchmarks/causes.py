"""How often the right cause is named, over demo worlds in which one thing became worse, or two, or nothing.

Run by hand: it takes more than an hour. A world is right where every planted cause is named in the quarter after the
change against the one before, and no other; where each stage that fell names one, a planted one leads at the stage that
fell most. Without a change no comparison may name anything at all, neither of quarters nor of owners or teams. Worlds
with few deals, or with a change in the middle of the quarter, must name nothing wrong; how often they name what is
planted is told.
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
from planted_causes import HARD, PLANTED, Planted, answers, causes_of, prepare, world

BAR = 0.95
PREVIOUS = ("previous_quarter",)
EVERYTHING = ("previous_quarter", "year_ago", "best_quarter", "owner", "team")
WORLDS = {**PLANTED, **HARD}


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
        for answer in answers(causes, PREVIOUS if self.planted.causes else EVERYTHING).values():
            self.seeds += 1
            self.counted["right"] += answer.is_right(self.planted)
            self.counted["wrong"] += answer.is_wrong(self.planted)
            self.counted["rest leads"] += "within_segments" in answer.leading.values()
            self.named.update(answer.lowering | answer.others)

    @property
    def is_kept(self) -> bool:
        if self.planted.is_hard:
            return self.counted["wrong"] <= (1 - BAR) * self.seeds
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
    parser.add_argument("--worlds", nargs="*", default=list(WORLDS), choices=list(WORLDS))
    arguments = parser.parse_args()
    tallies = [Tally(name, WORLDS[name]) for name in arguments.worlds]
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
    has_all = not planted.causes
    return causes_of(models, standards, worlds, quarters=8 if has_all else 1, has_people=has_all)


if __name__ == "__main__":
    sys.exit(main())
