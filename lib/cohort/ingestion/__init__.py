"""From delivered files to results, quarantine, ledger and feedback: only what is new, each file whole or not at all.

Schools' files go in; out come accepted and refused rows in the restricted tables, ledger entries, feedback per school
and the record of the run. Rows are read once, in `validated_rows`; what follows are set operations on that batch.

    pipeline                    one run of ingestion in numbered steps
    run_context, run_marker     what a run works with; whether the previous run completed
    discovery, transcription    files recognised, numbered, and transcribed where Spark cannot scan them as they are
    batch_intake                the new files of a run taken in as one batch
    batch_validation            every row decided: validation, repeated results, exclusions, pupil rules, counts
    text_scan                   text files scanned to delivered rows
    validation_rules            the rules for a single row, as SQL
    row_validation              rows typed and held against these rules
    validated_rows              the one pass over the new files, materialised
    repeated_results            results that a file gives more than once
    batch_exclusions            objections and opt-in lists applied to the batch
    pupil_consistency           rules over all rows of one pupil
    line_numbers                where the refused lines of a file are
    file_accounting             counts per file, and whether a file is taken in or rejected
    batch_writing               results and quarantine written from the batch
    supersession                which earlier rows a later delivery replaces or withdraws
    supersession_journal        superseded rows written down, then removed
    volume_anomalies            a delivery compared with the previous one of its school and supplier
    feedback, feedback_document, feedback_texts
                                what a school is told, as a document and as a text in two languages
    completeness                schools that are expected to deliver and have not
    code_normalisation          codes in earlier results rewritten to their canonical spelling
    number_change_application   changed pupil numbers applied to earlier results
"""

from __future__ import annotations

from cohort.ingestion.code_normalisation import require_canonical_codes
from cohort.ingestion.number_change_application import require_newest_numbers
from cohort.ingestion.pipeline import ingest_deliveries
from cohort.ingestion.run_context import IngestionContext

__all__ = ["IngestionContext", "ingest_deliveries", "require_canonical_codes", "require_newest_numbers"]
