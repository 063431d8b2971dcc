"""What the lines of declared lists may name: schools, projects, domains and special categories.

Made from the catalogue, the declared projects and the records; a line that names anything else is a problem of
its list.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from cohort.agreements import Catalogue
from cohort.storage import StorageZones


@dataclass(frozen=True)
class ListVocabulary:
    """The schools (BRIN), projects and domains that there are, and the domains that are special categories."""

    schools: Collection[str]
    projects: Collection[str]
    domains: Collection[str]
    categories: Collection[str]


def load_list_vocabulary(zones: StorageZones, config: Path, catalogue: Catalogue) -> ListVocabulary:
    """The vocabulary of the lists of a platform."""
    return ListVocabulary(
        catalogue.schools, list_project_names(zones, config), catalogue.domains(), catalogue.special_domains()
    )


def list_project_names(zones: StorageZones, config: Path) -> frozenset[str]:
    """The names of all projects that are declared or have records."""
    declared = {file.stem for file in (config / "projects").glob("*.toml") if not file.stem.startswith("_")}
    recorded = {path.name for zone in (zones.public_records, zones.exact_records) for path in zone.glob("*/")}
    return frozenset(declared | recorded)
