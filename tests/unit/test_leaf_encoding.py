"""Leaf encoding: which hierarchies have bands of a step, and a hierarchy with thousands of leaves."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from tests.unit.drawn_results import column, frame, result, row

from cohort.agreements.declared_columns import DeclaredColumn
from cohort.anonymisation import leaf_encoding
from cohort.foundation.errors import ConfigurationRefused
from cohort.sdc.model.hierarchy import Hierarchy


def hierarchy(*names: str) -> Hierarchy:
    return Hierarchy("rekenen", ((*names, "onbekend"), ("*",) * (len(names) + 1)))


@pytest.mark.parametrize(
    ("step", "wrong"),
    [
        (10, hierarchy("0 tot 10", "10 tot 30")),
        (10, hierarchy("5 tot 15")),
        (10, hierarchy("0-10")),
        (1, hierarchy("0 tot 1")),
        (20, hierarchy("0 tot 10")),
        (10, hierarchy()),
    ],
    ids=["wider", "moved", "written otherwise", "not single numbers", "of another step", "none"],
)
def test_a_hierarchy_without_bands_of_the_step_is_refused(spark: SparkSession, step: int, wrong: Hierarchy) -> None:
    declared = DeclaredColumn.model_validate(column("rekenen", step=step, result=result("rekenen", "latest")))
    assert spark.version.startswith("4.")
    with pytest.raises(ConfigurationRefused, match=f"Expected bands of {step}, .* the hierarchy of rekenen"):
        leaf_encoding.band_points(F.lit(1), 1, declared, wrong)


def test_a_hierarchy_of_four_thousand_postal_codes_is_joined(spark: SparkSession) -> None:
    declared = DeclaredColumn.model_validate(column("postcode", attribute="postcode4"))
    many = hierarchy(*(str(n) for n in range(1000, 5000)))
    rows = frame(spark, [row(1, postcode4="1000"), row(2, postcode4="4999"), row(3, postcode4="9999")])
    numbers = leaf_encoding.encode_attribute(declared, many)
    encoded = (
        leaf_encoding.join_long_hierarchies(rows, [declared], {"postcode": many}).select(numbers.alias("n")).toArrow()
    )
    assert set(encoded["n"].to_pylist()) == {0, 3999, leaf_encoding.UNLISTED_ATTRIBUTE}
