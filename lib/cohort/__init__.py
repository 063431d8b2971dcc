"""Anonymisation of school test results in bulk, from delivered files to published tables and their destruction.

Packages in the order of the way of the data; a package imports only from packages above it, and only their
public names (contracts of import-linter in `pyproject.toml`):

    foundation        What every package stands on: errors with exit codes, identifiers, code lists, delimited
                      text, strict declarations.
    pages             What all pages share: languages, names of codes, the template environment.
    charts            Bars, parts of a whole and distributions as pictures inside pages.
    storage           The zones of the storage root, and the port to the store that it stands on: paths, documents,
                      locks, survivors. No other package asks the operating system for data of the root.
    data_states            The states of the data as types and Spark schemas, and small Arrow frames handed to Spark.
    comparison_page   The page that compares settings of one cohort, with its figures and pictures.
    sdc               The anonymisation engine on numpy arrays, without Spark: from a histogram of equal records to
                      a recoding whose equivalence classes satisfy the privacy models.
    delta             Delta tables: read, write, merge, vacuum, log. No other package speaks Delta.
    keys              Custody of the project keys. No other package sees a secret.
    agreements        What is agreed and declared: platform, projects and their columns, catalogue of tests and
                      schools, hierarchies, privacy model.
    approvals         Approval of a document by a second person's signature, made and verified by OpenSSH.
    release_records   The record of each release with its state, the public record made from it, and the restricted
                      snapshot of its equivalence classes.
    differential_privacy   Counts and means with noise, their errors, and the ledger of the privacy budget.
    table_files       Public tables for people and programs: CSV, workbook, page with pictures, metadata.
    research_files    What stands beside a published table for its researchers: the codebook, and the folder of
                      exported files.
    access            Who may read a published table, opened and closed by file modes and groups.
    legal_basis       Objections, consents, instructions and pupil number changes as declared lists; whose results
                      a project may use today.
    delivery_formats  Files as schools send them: containers, formats, parsers (CSV, XLSX, EDEXML, UWLR), and why a
                      file cannot be read.
    results           The restricted results and quarantine, the ledger of deliveries, which batches count,
                      retention.
    erasure           Removal of excluded pupils from results, quarantine and raw files, with limits, journals and
                      receipts.
    ingestion         From delivered files to results, quarantine, ledger and feedback: discovery, validation,
                      supersession, accounting.
    anonymisation     From results to generalised records: pupil records, pseudonyms, leaf encoding, search,
                      generalisation.
    report_figures    The figures of the report of a release, and the limits that its risk keeps to.
    differencing      What the difference between two releases shows: nesting, cohort extension, overlapping
                      projects.
    verification      The independent verifier of a staged or published release; it shares no code with what makes
                      releases.
    release           One release from results to a published table: pipeline, accounting, data dictionary,
                      publication, status.
    preview           Several settings of a project side by side, before anything is released.
    published_tables       Published tables after publication: rows withdrawn, daily look at readers, verification
                      repeated.
    table_exports     Published tables as files for statistical programs: SPSS, Stata, Parquet, CSV.
    twin              Synthetic rows with the schema, labels and formats of a table, for writing analyses.
    transparency      The public register, the article 30 register and each school's page of uses.
    destruction       The end of a project: inventory, search for survivors, proof and certificate.
"""
