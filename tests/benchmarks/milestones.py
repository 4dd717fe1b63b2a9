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
from milestone_worlds import NATURES, NOISE, Nature, company, write_company

MARTS = ("milestone_candidates", "stage_design_review")
TO_PROPOSE = {
    ("click", "merge_stages"): "s2+s3",
    ("two_in_one", "split_stage"): "s2/activity:demo:decision_maker",
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
        models = compile_models(
            root, root / "standards", BUSINESS_DATE, ("milestone_candidates", "stage_design_review")
        )
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
    for finding in ("merge_stages", "split_stage"):
        proposed = {
            (row["funnel"], row["subject"])
            for row in models.rows("stage_design_review")
            if row["finding"] == finding and row["is_proposed"]
        }
        right = {funnel for funnel, subject in proposed if subject == TO_PROPOSE.get((name, finding))}
        wrong = {funnel for funnel, subject in proposed if subject != TO_PROPOSE.get((name, finding))}
        said += f", {finding} right in {len(right)}, wrong in {len(wrong)}"
        is_kept &= len(wrong) <= 0.05 * worlds
        is_kept &= (name, finding) not in TO_PROPOSE or len(right) >= 0.95 * worlds
    print(said, flush=True)
    return is_kept


if __name__ == "__main__":
    raise SystemExit(main())
