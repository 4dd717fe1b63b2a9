"""The extracts of one CRM as assets: inbox to lake, and the lake to the raw tables of the warehouse."""

from collections.abc import Iterator
from functools import partial
from typing import Self

import dagster as dg
from pydantic import BaseModel

from orchestration.components.catalogue import COLUMNS, ROWS, columns_of, measured
from orchestration.components.file_progress import FileProgress
from orchestration.components.nightly import ONE_NIGHT_A_RUN, Nightly, nightly_partitions
from orchestration.components.step_lines import say
from orchestration.ingest.load import LoadReport, RawObject, known_objects, load, raw_objects
from orchestration.ingest.mapping import CrmMapping
from orchestration.warehouse import COLUMN_TYPES, LINEAGE


def types_of(each: RawObject) -> dict[str, str]:
    """The columns of a raw object with their types in the warehouse, lineage included."""
    return {name: COLUMN_TYPES[kind] for name, kind in each.columns.items()} | LINEAGE


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
        objects = raw_objects(mapping)
        specs = [
            dg.AssetSpec(
                [each.schema, each.name],
                group_name="ingest",
                kinds={"polars", "parquet"},
                description=f"Records of {each.name} from {mapping.crm}, as known at as-of.",
                metadata={COLUMNS: columns_of(types_of(each), dg.AssetKey([each.schema, each.name]))},
            )
            for each in objects
        ]

        @dg.multi_asset(
            name=f"ingest_{mapping.crm}",
            specs=specs,
            partitions_def=nightly_partitions(),
            backfill_policy=ONE_NIGHT_A_RUN,
        )
        @measured
        def extracts(context: dg.AssetExecutionContext, nightly: Nightly) -> Iterator[dg.MaterializeResult[None]]:
            night = nightly.night(context.partition_key)
            loaded = LoadReport([], [])
            if nightly.is_taking:
                with FileProgress(say=partial(say, f"ingest_{mapping.crm}")) as progress:
                    loaded = load(night.home.shelf, mapping, night.time_zone, night.as_of_at, progress)
            for report in loaded.files:
                context.log.info(
                    f"{report.file}: {report.rows_in} in, {report.rows_loaded} loaded, "
                    f"{report.rows_quarantined} quarantined"
                )
                for warning in report.warnings:
                    context.log.warning(warning)
            for held in loaded.held:
                context.log.warning(f"Held: {held.reason}")
            known = known_objects(night.home.shelf, mapping, night.as_of_at)
            nightly.warehouse().expose((each, found.files) for each, found in known)
            for each, found in known:
                extracted = found.last_extracted_at.isoformat() if found.last_extracted_at else "never"
                yield dg.MaterializeResult(
                    asset_key=[each.schema, each.name],
                    metadata={
                        ROWS: found.rows,
                        COLUMNS: columns_of(types_of(each), dg.AssetKey([each.schema, each.name])),
                        "files": len(found.files),
                        "last_extracted_at": extracted,
                    },
                )

        return dg.Definitions(assets=[extracts])
