"""A storage root into which files of schools come one after the other."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import deltalake
from pyspark.sql import SparkSession

from cohort.agreements import catalogue, platform
from cohort.delivery_formats import format_declarations
from cohort.ingestion import pipeline
from cohort.legal_basis import objections_in_force
from cohort.legal_basis.number_changes import NumberChanges
from cohort.results import ledger
from cohort.storage.zone_paths import StorageZones

CONF = Path(__file__).resolve().parents[2] / "conf"
NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
PLATFORM, KNOWN = platform.load_platform(CONF), catalogue.load_catalogue(CONF)
FORMATS = format_declarations.load_delivery_formats(CONF)
HERE, THERE = sorted(KNOWN.schools)[:2]
HEADER = "brin;schooljaar;pgn;toetscode;afnamedatum;vaardigheidsscore;bron_result_key"
PUNTKOMMA = "BRIN-nummer;Schooljaar;Leerlingnummer (PGN);Toets;Datum afname;Vaardigheidsscore;Resultaatnummer"
A, B, C, D, E = "111222333", "123456782", "012345672", "063138219", "003389261"


@dataclass
class Root:
    """A storage root into which files come one after the other."""

    spark: SparkSession
    zones: StorageZones[Path]
    days: dict[str, int] = field(default_factory=dict)
    rules: dict[str, str] = field(default_factory=dict)
    received: int = 1_700_000_000

    def deliver(self, name: str, *rows: str, school: str = HERE, supplier: str = "canoniek", at: int = 0) -> None:
        """Rows as `pgn score [test [key [day]]]`, a dash for no key; the day is that of the moment."""
        lines = [HEADER if supplier == "canoniek" else PUNTKOMMA]
        for row in rows:
            pgn, score, *more = row.split()
            test, key, day = (*more, *("REK-M7", "-", "20")[len(more) :])
            key, day = "" if key == "-" else key, f"2025-0{1 if '-M' in test else 5}-{day}"
            if supplier == "puntkomma":
                day = "-".join(reversed(day.split("-")))
            year = "2024-2025" if supplier == "canoniek" else "2024/2025"
            lines.append(";".join((school, year, pgn, test, day, score, key)))
        path = self.zones.deliveries / name
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")
        self.received += 60
        os.utime(path, (at or self.received, at or self.received))

    def ingest(self, now: dt.datetime = NOW, changes: NumberChanges | None = None) -> dict[str, Any]:
        kept = PLATFORM.retention_days.model_copy(update=self.days)
        rules = PLATFORM.intake.rules.model_copy(update=self.rules)
        taking = PLATFORM.intake.model_copy(update={"rules": rules, "max_refused_share": 1})
        intake = pipeline.IngestionContext(
            self.zones,
            PLATFORM.model_copy(update={"retention_days": kept, "intake": taking}),
            KNOWN,
            FORMATS,
            objections_in_force.Objections(()),
            changes or NumberChanges(),
            now,
        )
        return pipeline.ingest_deliveries(self.spark, intake, lambda _: None)

    def results(self) -> list[SimpleNamespace]:
        """What counts of the table of results, read without Spark."""
        counted = ledger.read_counted_batches(self.zones.ledger)
        rows = deltalake.DeltaTable(self.zones.results).to_pyarrow_table().to_pylist()
        return [SimpleNamespace(**row) for row in rows if row["batch"] in counted]

    def rows(self) -> list[str]:
        return sorted(f"{r.pgn} {int(r.vaardigheidsscore)} {r.toetscode}" for r in self.results())

    def entries(self) -> tuple[ledger.LedgerEntry, ...]:
        return ledger.read_ledger(self.zones.ledger).entries
