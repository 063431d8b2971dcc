"""The restricted results and quarantine, and the ledger that says which batches of them count.

`ingestion` writes them, `erasure` removes rows of pupils who object, `release` reads the rows that count. No row leaves
the restricted zone here.

    ledger            one entry per delivered file; which batches count
    erasure_journal   rows erased from results, counted before and after, so that accounts close after a kill
    results_store     the two tables: created, read, removed by batch
    retention         what is older than the platform's retention is removed
    value_ranges      lowest and highest values per school and test, without a Spark session
"""
