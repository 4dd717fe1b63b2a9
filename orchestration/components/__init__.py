"""Factories behind the defs.yaml files. They wire rooms into Dagster and know no single CRM."""

from orchestration.components.crm_extracts import CrmExtracts
from orchestration.components.dbt_models import DbtModels

__all__ = ["CrmExtracts", "DbtModels"]
