"""Removal of excluded pupils from results, quarantine and raw files, with limits, journals and receipts.

In: objections, opt-in lists and consents in force. Out: tables and files without those pupils, receipts, and counts.
A killed run is finished by the next one.

    listed_rows          which results are of pupils on a list, found once
    impact_limits        how many pupils a list would remove, counted before it does
    excluded_pupils      whose rows of which domains are not kept
    excluded_numbers     their numbers on the driver
    row_erasure          rows removed from results and quarantine
    written_numbers      pupil numbers in free text, however written
    raw_file_erasure     delivered files with such a number removed
    leftover_files       files beside a table that no vacuum removed
    consent_expiry       special-category values whose consent ended, emptied
    objection_receipts   what a school hears of its objections
    outdated_releases    releases made while others were excluded
    acceptance_mark      the lists that were accepted last, and for which results
    objection_erasure    all of it, in order
"""

from __future__ import annotations

from cohort.erasure.consent_expiry import erase_expired_consent_values
from cohort.erasure.excluded_numbers import numbers_barred_from_project, numbers_to_erase
from cohort.erasure.excluded_pupils import (
    OBJECTED_COLUMN,
    listed_pupils,
    mark_excluded_rows,
    mark_rows_of_listed_pupils,
    pupils_without_opt_in,
)
from cohort.erasure.impact_limits import check_impact_limits, find_listed_numbers
from cohort.erasure.leftover_files import find_leftover_files, leftover_exit_code
from cohort.erasure.objection_erasure import accept_objections, apply_objections, check_stored_results
from cohort.erasure.outdated_releases import is_release_due
from cohort.erasure.raw_file_erasure import erase_raw_files
from cohort.erasure.row_erasure import erase_broken_lines

__all__ = [
    "OBJECTED_COLUMN",
    "accept_objections",
    "apply_objections",
    "check_impact_limits",
    "check_stored_results",
    "erase_broken_lines",
    "erase_expired_consent_values",
    "erase_raw_files",
    "find_leftover_files",
    "find_listed_numbers",
    "is_release_due",
    "leftover_exit_code",
    "listed_pupils",
    "mark_excluded_rows",
    "mark_rows_of_listed_pupils",
    "numbers_barred_from_project",
    "numbers_to_erase",
    "pupils_without_opt_in",
]
