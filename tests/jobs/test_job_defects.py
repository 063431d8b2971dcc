"""A defect tells where in the code it is, and nothing of the data."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from .conftest import PROJECT, Platform

PLANTED = "111222333x"


@pytest.fixture
def entry(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    monkeypatch.syspath_prepend(str(PROJECT / "jobs"))
    import _entry

    yield _entry
    logging.disable(logging.NOTSET)


def test_the_value_that_broke_a_job_is_not_printed(
    spark: SparkSession,
    fresh: Platform,
    entry: object,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def work(job: object) -> dict[str, object]:
        spark.range(1).select(F.lit(PLANTED).cast("int")).collect()
        return {"job": str(job)}

    monkeypatch.setattr(sys, "argv", ["defect", "--root", str(fresh.root), "--config", str(fresh.config)])
    code = entry.run_job("defect", work)  # type: ignore[attr-defined]
    said = capfd.readouterr()
    assert code == 70
    assert "a defect" in said.err
    assert '"exit_code": 70' in said.out
    for text in (said.out, said.err):
        assert PLANTED not in text
        assert "Traceback" not in text
