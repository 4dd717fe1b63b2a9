"""Where a key stands in an order that people chose; pure."""

from collections.abc import Iterable

import polars as pl


def place(column: str, order: Iterable[str]) -> pl.Expr:
    """The place of the column's value in `order`, from 0; a value that is not in it comes after all that are."""
    known = list(order)
    return pl.col(column).replace_strict(known, list(range(len(known))), default=len(known), return_dtype=pl.Int64)
