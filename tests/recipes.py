"""The questions in SQL that the recipes for BI tools answer, one statement each."""

from pathlib import Path

from orchestration.publishing import bi

RECIPES = Path(bi.__file__).with_name("README.md").read_text(encoding="utf-8")
QUESTIONS = [each.strip() for each in RECIPES.split("```sql")[1].split("```")[0].split(";") if each.strip()]
