"""What is agreed and declared: platform, projects and their columns, catalogue, hierarchies, privacy model.

In: the files of the configuration folder. Out: frozen, checked types; a file with a problem is refused with all of its
problems (exit code 10). No Spark, no pupil data.

    platform               `platform.toml`: floors, retention, limits, access
    publication            one publication: its tables, and what they are made from
    approval_settings      who may approve what
    output_limits          how large a request of researchers may be
    publication_tables     variables, scores, measures and tables of a publication
    publication_limits     when a cell of a public table is hidden
    container_limits       what a zip or workbook may unpack to
    catalogue              `toetsen.csv`, `scholen.csv`
    school_boards          which boards know the pupils of each school
    research_purpose       question, controller, legal basis, period of a project
    selected_results       which results a column is made from
    declared_bands         bands of numbers and years
    label_texts            what columns and values are called
    declared_columns       the released columns
    class_means            rounding of class means, groups of their covariances
    report_settings        what the report of a release assumes and computes
    project_settings       population, recoding, privacy limits
    project                one project file as a whole
    project_hierarchies    the hierarchies of its columns
    privacy_model          its limits as constraints of the engine
    environment            what every job works in
"""

from __future__ import annotations

from cohort.agreements.approval_settings import PRINCIPAL, ApprovalSettings
from cohort.agreements.catalogue import SCHOOL_LIST_HEADER, TEST_LIST_HEADER, Catalogue, load_catalogue
from cohort.agreements.container_limits import BYTES_WITHOUT_RATIO_LIMIT, ContainerLimits
from cohort.agreements.declared_bands import DeclaredBands
from cohort.agreements.declared_columns import DeclaredColumn
from cohort.agreements.environment import Environment
from cohort.agreements.label_texts import LabelText
from cohort.agreements.output_limits import OutputRequestLimits, OutputThresholds
from cohort.agreements.platform import (
    CountRounding,
    HeldRiskLimits,
    ObjectionLimits,
    Platform,
    PlatformFloors,
    load_platform,
    locate_key_folder,
)
from cohort.agreements.privacy_model import derive_class_constraints, derive_value_rules
from cohort.agreements.project import PROJECT_NAME, Project, check_project_name, find_limits_under_floors, load_project
from cohort.agreements.project_hierarchies import (
    find_accepted_range,
    find_band_bounds,
    find_code_list,
    find_uncovered_scores,
    load_hierarchies,
    load_hierarchy,
    make_band_hierarchy,
)
from cohort.agreements.publication import NoiseSettings, Publication, load_publication
from cohort.agreements.publication_limits import CellLimits, PublicationLimits
from cohort.agreements.publication_tables import DeclaredMeasure, DeclaredScore, DeclaredTable, DeclaredVariable
from cohort.agreements.report_settings import DeclaredRegression, RiskException
from cohort.agreements.school_boards import SchoolBoards
from cohort.agreements.selected_results import NUMERIC_SCORES, SelectedResult

__all__ = [
    "BYTES_WITHOUT_RATIO_LIMIT",
    "NUMERIC_SCORES",
    "PRINCIPAL",
    "PROJECT_NAME",
    "SCHOOL_LIST_HEADER",
    "TEST_LIST_HEADER",
    "ApprovalSettings",
    "Catalogue",
    "CellLimits",
    "ContainerLimits",
    "CountRounding",
    "DeclaredBands",
    "DeclaredColumn",
    "DeclaredMeasure",
    "DeclaredRegression",
    "DeclaredScore",
    "DeclaredTable",
    "DeclaredVariable",
    "Environment",
    "HeldRiskLimits",
    "LabelText",
    "NoiseSettings",
    "ObjectionLimits",
    "OutputRequestLimits",
    "OutputThresholds",
    "Platform",
    "PlatformFloors",
    "Project",
    "Publication",
    "PublicationLimits",
    "RiskException",
    "SchoolBoards",
    "SelectedResult",
    "check_project_name",
    "derive_class_constraints",
    "derive_value_rules",
    "find_accepted_range",
    "find_band_bounds",
    "find_code_list",
    "find_limits_under_floors",
    "find_uncovered_scores",
    "load_catalogue",
    "load_hierarchies",
    "load_hierarchy",
    "load_platform",
    "load_project",
    "load_publication",
    "locate_key_folder",
    "make_band_hierarchy",
]
