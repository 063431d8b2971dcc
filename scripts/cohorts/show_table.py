"""Published tables as a researcher reads them: with deltalake and polars, without Spark."""

from __future__ import annotations

import sys
from pathlib import Path

import polars
from deltalake import DeltaTable


def summarise_published_table(path: Path) -> str:
    """A few lines about one table: its rows, its classes, and its most frequent combinations of values.

    Raises:
        SystemExit: the two readers return different rows.
    """
    table = DeltaTable(str(path))
    arrow = polars.from_arrow(table.to_pyarrow_table())
    frame = polars.read_delta(str(path))
    if not isinstance(arrow, polars.DataFrame) or not arrow.equals(frame):
        raise SystemExit(f"deltalake and polars read {path} differently")
    classes = frame.group_by(frame.columns).len().sort("len", descending=True)
    properties = {k: v for k, v in table.metadata().configuration.items() if k.startswith("cohort.")}
    return (
        f"{path}: {frame.height} pupils, {classes.height} classes, the smallest of {min(classes['len'])}\n"
        f"{properties}\n{classes.head(5)}"
    )


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(summarise_published_table(Path(name)), flush=True)
