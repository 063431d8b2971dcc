"""What is agreed and declared: platform, projects and their columns, catalogue of tests and schools, hierarchies,
privacy model.
"""

from __future__ import annotations

from cohort.agreements.catalogue import SCHOOL_LIST_HEADER, TEST_LIST_HEADER, Catalogue, load_catalogue
from cohort.agreements.container_limits import BYTES_WITHOUT_RATIO_LIMIT, ContainerLimits
from cohort.agreements.declared_bands import DeclaredBands
from cohort.agreements.declared_columns import DeclaredColumn
from cohort.agreements.environment import Environment
from cohort.agreements.platform import ObjectionLimits, Platform, PlatformFloors, load_platform, locate_key_folder
from cohort.agreements.privacy_model import derive_class_constraints, derive_value_rules
from cohort.agreements.project import PROJECT_NAME, Project, check_project_name, load_project
from cohort.agreements.project_hierarchies import find_band_bounds, find_uncovered_scores, load_hierarchies
from cohort.agreements.school_boards import SchoolBoards
from cohort.agreements.selected_results import NUMERIC_SCORES, SelectedResult

__all__ = [
    "BYTES_WITHOUT_RATIO_LIMIT",
    "NUMERIC_SCORES",
    "PROJECT_NAME",
    "SCHOOL_LIST_HEADER",
    "TEST_LIST_HEADER",
    "Catalogue",
    "ContainerLimits",
    "DeclaredBands",
    "DeclaredColumn",
    "Environment",
    "ObjectionLimits",
    "Platform",
    "PlatformFloors",
    "Project",
    "SchoolBoards",
    "SelectedResult",
    "check_project_name",
    "derive_class_constraints",
    "derive_value_rules",
    "find_band_bounds",
    "find_uncovered_scores",
    "load_catalogue",
    "load_hierarchies",
    "load_platform",
    "load_project",
    "locate_key_folder",
]
