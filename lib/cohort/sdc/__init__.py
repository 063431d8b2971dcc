"""The statistical disclosure control engine, on numpy and pyarrow, without Spark.

In goes the histogram of a cohort: pupils counted per quasi-identifiers and school. Out comes a recoding, a
generalisation of the quasi-identifiers in which every equivalence class satisfies the privacy models. The engine never
sees a pupil's number, and no search sees a sensitive value.

Subpackages; one imports only from those above it (a contract of import-linter in `pyproject.toml`):

    model              Hierarchies, coding, histogram, equivalence classes, information loss, recoding.
    privacy_models     k-anonymity, school diversity, dominance, l-diversity, t-closeness; suppression of sensitive
                       values after a search.
    utility            Objectives of a search, utility metrics, equity between subgroups.
    numeric            Bands, quantiles and microaggregation of numeric columns.
    global_recoding    One level per column: the best node of the lattice, proven by branch and bound.
    local_recoding     Levels per class: clusters of records, refined and trimmed.
    partitioned        Cohorts too large for one search, and populations searched apart.
    risk               Prosecutor, journalist and marketer risk; a motivated intruder.
    cli                `python -m cohort.sdc`: recoding of a plain file for an analyst, and its report.
"""
