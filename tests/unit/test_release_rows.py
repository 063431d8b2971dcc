"""Rows of a release as the cells of public tables: each at its label, a node's own rows under a leaf of their own."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from tests.unit.drawn_release import platform, project

from cohort.agreements import LabelText, Publication
from cohort.foundation import NotAnonymous
from cohort.publications import release_rows
from cohort.publications.declared_tables import make_publication_document
from cohort.publications.edition_rows import EditionRows
from cohort.publications.release_rows import print_release_cells
from cohort.sdc import Hierarchy
from cohort.table_audit import AuditEdition, AuditInput, audit_tables

WEIGHT = Hierarchy("gewicht", (("0", "0,3", "1,2", "onbekend"), ("geen", "wel", "wel", "onbekend"), ("*",) * 4))
LABEL = LabelText(nl="geslacht", en="sex")
LIMITS = {
    "pupils": 10,
    "schools": 5,
    "max_share": Decimal("0.5"),
    "p_percent": 10,
    "largest_value_share": Decimal("0.9"),
    "degrees_of_freedom": 10,
}


def make_rows(pupils: dict[str, int]) -> EditionRows:
    """Rows of a release by the label of one column."""
    text = {"nl": "x", "en": "x"}
    declared: dict[str, Any] = {
        "name": "uitgifte",
        "title": text,
        "purpose": "Beschrijven wie er in staan",
        "requested_by": "x",
        "rows": "release",
        "project": "proef",
        "method": "suppress",
        "population": {"schooljaar": ["2024-2025"], "jaargroep": ["7"]},
        "limits": LIMITS,
        "variables": [{"name": "geslacht", "column": "geslacht", "label": text}],
        "tables": [{"name": "een", "title": text, "by": ["geslacht"], "measures": [{"kind": "count"}]}],
    }
    publication = Publication.model_validate(declared)
    variable = release_rows._make_variable("geslacht", LABEL, project(), WEIGHT, set(pupils))
    document = make_publication_document(publication, [variable], platform(), 1, None, dt.date(2026, 12, 1))
    leaves = [release_rows._name_leaf(WEIGHT, label) for label in pupils]
    nobody = pa.nulls(len(leaves), pa.string())
    counts = pa.array(list(pupils.values()), pa.int64())
    return EditionRows(
        document, pa.table({"geslacht": leaves, "school": nobody, "board": nobody, "pupils": counts}), None
    )


def test_rows_of_a_node_stand_under_it_as_not_divided_further_and_the_auditor_agrees() -> None:
    rows = make_rows({"0": 40, "wel": 12, "*": 15, "1,2": 10})
    cells = print_release_cells(rows, 10)
    printed = {cell.nodes[0]: cell.value for cell in cells["een"]}
    assert printed == {
        "*": "77",
        "* (niet verder ingedeeld)": "15",
        "geen": "40",
        "0": "40",
        "wel": "22",
        "wel (niet verder ingedeeld)": "12",
        "0,3": "0",
        "1,2": "10",
        "onbekend": "0",
    }
    own = {name: tuple(table) for name, table in cells.items()}
    given = AuditInput(AuditEdition(rows.document, own, rows.contributors), (), platform().publications)
    assert audit_tables(given).findings == ()


def test_a_cell_of_fewer_rows_than_a_class_refuses_the_edition() -> None:
    with pytest.raises(NotAnonymous, match="cells of no or at least 10 rows"):
        print_release_cells(make_rows({"0": 40, "wel": 9}), 10)
