"""The extracts of one CRM as assets: inbox to lake, and the lake to the raw tables of the warehouse."""

from collections.abc import Iterator
from typing import Self

import dagster as dg
from pydantic import BaseModel

from orchestration.components.nightly import ONE_NIGHT_A_RUN, Nightly, nightly_partitions
from orchestration.ingest.lake import known
from orchestration.ingest.load import load, raw_columns
from orchestration.ingest.mapping import CrmMapping


class CrmExtracts(dg.Component):
    """Attributes: those of `orchestration.ingest.mapping.CrmMapping`."""

    def __init__(self, mapping: CrmMapping) -> None:
        self.mapping = mapping

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        return CrmMapping

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        return cls(CrmMapping.model_validate(attributes.model_dump() if attributes else {}))

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        mapping = self.mapping
        schema = f"raw_{mapping.crm}"
        objects = raw_columns(mapping)
        specs = [
            dg.AssetSpec(
                [schema, name],
                group_name="ingest",
                kinds={"polars", "parquet"},
                description=f"Records of {name} from {mapping.crm}: the newest version of each, as known at as-of.",
            )
            for name in objects
        ]

        @dg.multi_asset(
            name=f"ingest_{mapping.crm}",
            specs=specs,
            partitions_def=nightly_partitions(),
            backfill_policy=ONE_NIGHT_A_RUN,
        )
        def extracts(context: dg.AssetExecutionContext, nightly: Nightly) -> Iterator[dg.MaterializeResult[None]]:
            night = nightly.night(context.partition_key)
            for report in load(night.home.shelf, mapping, night.time_zone, night.as_of_at):
                context.log.info(
                    f"{report.file}: {report.rows_in} in, {report.rows_loaded} loaded, "
                    f"{report.rows_quarantined} quarantined"
                )
                for warning in report.warnings:
                    context.log.warning(warning)
            for each in known(night.home.lake, mapping.crm, list(objects), night.as_of_at):
                columns, key = objects[each.name]
                nightly.warehouse().expose(schema, each.name, columns, key, each.files)
                extracted = each.last_extracted_at.isoformat() if each.last_extracted_at else "never"
                yield dg.MaterializeResult(
                    asset_key=[schema, each.name],
                    metadata={"dagster/row_count": each.rows, "files": len(each.files), "last_extracted_at": extracted},
                )

        return dg.Definitions(assets=[extracts])
