"""In how many of 100 worlds of a kind what was planted is found, and what is noise is named.

Not part of `make test`, which looks at fewer worlds of the same; run it after a change to how milestones are mined. A
world is a funnel of its own, so that each nature takes one pass of the models.
"""

import argparse
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from compiled_models import CompiledModels, compile_models
from criteria_worlds import BUSINESS_DATE, RANDOM_FUNNELS, Made, write_standards
from milestone_worlds import NOISE, PLANTS, Nature, company, write_company

NATURES = {
    "nothing": Nature(),
    "lingering": Nature(lingering_days=60),
    **{name: Nature(plant=plant) for name, plant in PLANTS.items()},
    "champion_lingering": Nature(plant=PLANTS["champion"], lingering_days=60),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=100)
    parser.add_argument("--deals", type=int, default=900)
    arguments = parser.parse_args()
    is_kept = True
    with tempfile.TemporaryDirectory(prefix="stageproof-bench-") as folder:
        root = Path(folder)
        write_standards(Made(RANDOM_FUNNELS), root / "standards")
        models = compile_models(root, root / "standards", BUSINESS_DATE, ("milestone_candidates",))
        for name, nature in NATURES.items():
            worlds = {f"{name}_{seed}": (nature, seed) for seed in range(arguments.worlds)}
            write_company(models, root / name, company(worlds, arguments.deals))
            models.rebuild()
            is_kept &= _is_true_to(name, nature, models, arguments.worlds)
    return 0 if is_kept else 1


def _is_true_to(name: str, nature: Nature, models: CompiledModels, worlds: int) -> bool:
    found = defaultdict(set)
    for row in models.rows("milestone_candidates"):
        if row["is_found"]:
            found["noise" if row["milestone"] in NOISE else row["milestone"]].add(row["funnel"])
    said = f"{name}: noise named in {len(found['noise'])} of {worlds}"
    is_kept = len(found["noise"]) <= 0.05 * worlds
    if nature.plant:
        hits = len(found[nature.plant.kind])
        said += f", {nature.plant.kind} found in {hits}"
        is_kept &= hits >= 0.95 * worlds
    print(said, flush=True)
    return is_kept


if __name__ == "__main__":
    raise SystemExit(main())
