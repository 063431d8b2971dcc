"""Objections, consents, instructions and number changes as declared lists; whose results a project may use today.

In: the lists of the storage root (a CSV that a TOML beside it declares) and the day. Out: checked registers, the two
filters on results, and the eligibility for one project. A list with a problem stops whoever uses it.

    declared_lists, list_columns, list_text, list_vocabulary   the one reader of all lists
    number_changes, number_change_resolution                   numbers of one pupil, and the newest
    objection_lists, objection_registry, opt_in_lists          what was filed, and what stands
    objections_in_force, objection_filter                      who is excluded, and results without them
    instruction_register, instruction_filter                   schools that instructed us, and their results
    consent_register, consent_suppression                      consents, and values without one suppressed
    eligibility                                                all of it for one project
"""

from __future__ import annotations

from cohort.legal_basis.consent_register import NO_CONSENTED_PUPILS, ConsentedPupils, digest_consented_pairs
from cohort.legal_basis.consent_suppression import (
    suppress_special_values,
    suppress_unconsented_values,
    suppress_values_at_intake,
)
from cohort.legal_basis.declared_lists import DatedListDeclaration
from cohort.legal_basis.eligibility import (
    Eligibility,
    check_special_category_columns,
    consented_pupils_of_live_projects,
    find_lapsed_grounds,
    load_consents,
    load_eligibility,
)
from cohort.legal_basis.instruction_filter import mark_instructed_rows
from cohort.legal_basis.instruction_register import load_instruction_register
from cohort.legal_basis.list_vocabulary import ListVocabulary, list_project_names, load_list_vocabulary
from cohort.legal_basis.number_changes import NumberChanges, load_number_changes, record_linked_numbers
from cohort.legal_basis.objection_filter import find_barred_pupils, make_number_frame, mark_objectors
from cohort.legal_basis.objection_lists import OBJECTION_LISTS, SCOPE_DOMAIN, SCOPE_EVERYTHING, ObjectionList
from cohort.legal_basis.objection_registry import ObjectionRegistry
from cohort.legal_basis.objections_in_force import Objections, load_objections, record_objections
from cohort.legal_basis.opt_in_lists import (
    PRESENCE_COLUMNS,
    OptInList,
    PupilNumbers,
    find_pupils_not_opted_in,
    pupils_by_school,
    record_unlisted_pupils,
    require_current_opt_in_lists,
)

__all__ = [
    "NO_CONSENTED_PUPILS",
    "OBJECTION_LISTS",
    "PRESENCE_COLUMNS",
    "SCOPE_DOMAIN",
    "SCOPE_EVERYTHING",
    "ConsentedPupils",
    "DatedListDeclaration",
    "Eligibility",
    "ListVocabulary",
    "NumberChanges",
    "ObjectionList",
    "ObjectionRegistry",
    "Objections",
    "OptInList",
    "PupilNumbers",
    "check_special_category_columns",
    "consented_pupils_of_live_projects",
    "digest_consented_pairs",
    "find_barred_pupils",
    "find_lapsed_grounds",
    "find_pupils_not_opted_in",
    "list_project_names",
    "load_consents",
    "load_eligibility",
    "load_instruction_register",
    "load_list_vocabulary",
    "load_number_changes",
    "load_objections",
    "make_number_frame",
    "mark_instructed_rows",
    "mark_objectors",
    "pupils_by_school",
    "record_linked_numbers",
    "record_objections",
    "record_unlisted_pupils",
    "require_current_opt_in_lists",
    "suppress_special_values",
    "suppress_unconsented_values",
    "suppress_values_at_intake",
]
