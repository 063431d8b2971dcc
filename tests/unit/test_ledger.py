"""A ledger that an earlier version wrote can be read and appended to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import deltalake
from tests.unit.test_feedback import entry

from cohort import delta
from cohort.agreements import platform
from cohort.data_states import local_frames
from cohort.ingestion import volume_anomalies
from cohort.results import ledger
from cohort.results.ledger import LEDGER_SCHEMA

CONF = Path(__file__).resolve().parents[2] / "conf"
RETENTION = platform.load_platform(CONF).tables
OF_BEFORE = type(LEDGER_SCHEMA)([field for field in LEDGER_SCHEMA.fields if field.name != "columns"])


def earlier(path: Path, *entries: ledger.LedgerEntry) -> None:
    """A ledger as it was before its lines had columns, with the properties that ours have."""
    rows = [tuple(getattr(added_entry, name) for name in OF_BEFORE.names) for added_entry in entries]
    own = delta.make_table_properties(RETENTION)
    by_spark = {"delta.enableTypeWidening": own.pop("delta.enableTypeWidening")}  # deltalake does not make it
    deltalake.write_deltalake(str(path), local_frames.make_arrow_table(OF_BEFORE, rows), configuration=cast(Any, own))
    first = path / "_delta_log" / f"{0:020}.json"
    lines = [json.loads(line) for line in first.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        line.get("metaData", {}).get("configuration", {}).update(by_spark)
    first.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")


def test_a_ledger_of_an_earlier_version_gets_the_new_field_with_its_next_entry(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    old, new = entry(levering_nr=1), entry(levering_nr=2, batch=2, columns="brin pgn")
    earlier(path, old)
    assert ledger.read_ledger(path).entries == (old,)
    before = deltalake.DeltaTable(str(path))

    ledger.append_to_ledger(cast(Any, None), path, [new], RETENTION)

    assert ledger.read_ledger(path).entries == (old, new)
    ledger.append_to_ledger(cast(Any, None), path, [entry(levering_nr=3, batch=3, columns="brin")], RETENTION)
    ledger_read = ledger.read_ledger(path)
    assert [added_entry.columns for added_entry in ledger_read.entries] == [None, "brin pgn", "brin"]
    after = deltalake.DeltaTable(str(path))
    assert after.metadata().configuration == before.metadata().configuration
    assert after.protocol() == before.protocol()
    assert volume_anomalies.find_missing_columns(
        list(ledger_read.entries[2:]), ledger.Ledger(ledger_read.entries[:2])
    ) == {3: ("pgn",)}


def test_the_new_field_may_be_null_and_has_no_statistics_in_the_log(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    earlier(path, entry(levering_nr=1))
    ledger.append_to_ledger(cast(Any, None), path, [entry(levering_nr=2, batch=2)], RETENTION)

    log = (path / "_delta_log" / f"{1:020}.json").read_text(encoding="utf-8").splitlines()
    added = [json.loads(line)["add"] for line in log if '"add"' in line]
    assert LEDGER_SCHEMA["columns"].nullable
    assert all(
        "minValues" not in (added_entry.get("stats") or "") or '"minValues":{}' in added_entry["stats"]
        for added_entry in added
    )
