"""The counts of an earlier edition in the place of today's, where they can count every cell of a new one.

So an objection after publication does not make two tables that differ by one pupil: what was counted once is not
counted anew. Where earlier counts have only some of the cells, the search refuses what does not add up.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from cohort.cell_suppression import link_tables
from cohort.publication_documents import PublicationDocument
from cohort.publications.contributor_rows import BOARD, SCHOOL
from cohort.publications.earlier_editions import EarlierEdition, list_shapes, select_exact_editions
from cohort.publications.table_shapes import make_cell_variables


def find_frozen_edition(
    document: PublicationDocument, columns: Sequence[str], earlier: Sequence[EarlierEdition]
) -> EarlierEdition | None:
    """Find the first edition whose counts have every cell of a new one, and every column of its counts.

    Args:
        document: the document of the new edition.
        columns: the columns of its counts.
        earlier: everything that was published before.
    """
    for edition in select_exact_editions(earlier, document):
        if not set(columns) <= set(edition.contributors.column_names):
            continue
        if not set(document.scores) <= set(edition.document.scores):
            continue
        if any(m.kind == "percentile" for t in document.tables for m in t.measures) and edition.scores is None:
            continue
        variables = make_cell_variables([edition.document, document])
        if edition.contributions.has_cells(link_tables(variables, list_shapes(document))).all():
            return edition
    return None


def select_frozen_rows(rows: pa.Table, document: PublicationDocument) -> pa.Table:
    """Select from earlier counts those of the population of a new edition, by its variables.

    Returns:
        The columns of the variables, `school`, `board`, `score` and `value` where there are some, and the sums of all
        other columns; equal combinations once.
    """
    for variable in document.variables:
        rows = rows.filter(pc.is_in(rows[variable.name], pa.array(variable.leaves, pa.string())))
    keys = [*(variable.name for variable in document.variables), SCHOOL, BOARD]
    keys += [name for name in ("score", "value") if name in rows.column_names]
    known = {variable.name for variable in document.variables}
    numbers = [
        name
        for name in rows.column_names
        if name not in keys and name not in known and not pa.types.is_string(rows.schema.field(name).type)
    ]
    grouped = rows.group_by(keys).aggregate([(name, "sum") for name in numbers])
    selected = grouped.select([*keys, *(f"{name}_sum" for name in numbers)]).rename_columns([*keys, *numbers])
    return selected.sort_by([(name, "ascending") for name in keys])
