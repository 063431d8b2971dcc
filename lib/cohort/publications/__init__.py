"""Publications: public tables in which nobody can be recognised, from results to files that everybody reads.

In: the accepted results, a declaration, and everything that was published before. Out: editions, staged, audited,
approved by a second person and published; none is ever made anew. Called by the job `tables`.

    publication_variables   variables, hierarchies and labels of the tables
    declared_tables         the public document of an edition
    contributor_counts      pupils per combination of values and school: one pass over the results
    contributor_rows        the same with regions, size classes and boards
    table_shapes            the tables as the search has them
    release_rows            tables of the rows of a release
    release_beside          what anonymous releases tell of the same pupils
    earlier_editions        what was ever published
    edition_rows            what an edition counts
    further_needs           what measures and releases ask beyond the rules on counts
    rounded_cells           rounded counts
    noisy_cells             figures with noise
    frozen_rows             counts of an earlier edition in the place of today's
    edition_search          which cells are hidden, or what is printed in their place
    cell_figures            the printed figures
    edition_files           checksums and copies
    edition_audit           the auditor, called
    edition_making          the steps of one edition
    edition_publication     published, superseded, withdrawn
"""

from __future__ import annotations

from cohort.publications.edition_audit import audit_published
from cohort.publications.edition_making import PublicationTask, make_edition
from cohort.publications.edition_publication import (
    publish_edition,
    require_edition,
    settle_interrupted,
    withdraw_edition,
    write_edition_approval,
)

__all__ = [
    "PublicationTask",
    "audit_published",
    "make_edition",
    "publish_edition",
    "require_edition",
    "settle_interrupted",
    "withdraw_edition",
    "write_edition_approval",
]
