"""Whose results a project may use: the schools' instructions, read again and by own code.

A school's answer is the set of its sites that instructed us; `*` stands for those that no line names.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cohort.agreements.project import Project
from cohort.verification import list_file_reader, rights_list_reader

INSTRUCTION_COLUMNS = (
    "brin",
    "vestiging",
    "soort",
    "project",
    "kolommen",
    "gegeven_door",
    "gegeven_op",
    "tot",
    "ingetrokken_op",
)
INSTRUCTION_DATES = ("gegeven_op", "tot", "ingetrokken_op")
ANY_OTHER_SITE = "*"


@dataclass(frozen=True)
class InstructedSites:
    """By school, for each site that a line names and for `*`, whether it instructed us."""

    sites: Mapping[str, Mapping[str, bool]]

    def of(self, brin: str) -> tuple[bool, list[str]]:
        """Whether sites that no line names count, and the named ones for which that is otherwise."""
        by_default = self.sites[brin][ANY_OTHER_SITE]
        return by_default, sorted(site for site, asked in self.sites[brin].items() if asked != by_default)


@dataclass(frozen=True)
class _Told:
    sites: frozenset[str]
    columns: frozenset[str]
    given: dt.date
    last: dt.date
    gone: dt.date


def read_instructed_sites(folder: Path, project: Project, today: dt.date) -> InstructedSites:
    """The instructions that hold today for one project.

    Takes: the zone; the project: an anonymous one needs what a school said once for all, another one what
    it said for that project and every released column.
    Refuses: what `declared` refuses (exit code 17).
    """
    lines = rights_list_reader.read_rights_lists(folder, INSTRUCTION_COLUMNS, None, today)
    days = rights_list_reader.parse_line_dates(lines, INSTRUCTION_DATES)
    anonymous = project.release_class == "anonymous"
    kind, name = ("anonimiseren", "") if anonymous else ("pseudonimiseren", project.name)
    needed = set() if anonymous else set(project.column_names)
    told: dict[str, list[_Told]] = defaultdict(list)
    for (_, line), day in zip(lines, days, strict=True):
        given = day["gegeven_op"]
        if (line["soort"], line["project"]) == (kind, name) and given is not None and given <= today:
            brin, behind = list_file_reader.parse_school_and_site(line["brin"]) or (line["brin"], "")
            sites = frozenset({line["vestiging"].removeprefix("'"), behind} - {""})
            columns = frozenset(line["kolommen"].replace(",", " ").split())
            last, gone = day["tot"] or dt.date.max, day["ingetrokken_op"] or dt.date.max
            told[brin].append(_Told(sites, columns, given, last, gone))
    return InstructedSites({brin: _sites(lines_of, needed, today) for brin, lines_of in told.items()})


def _sites(lines: list[_Told], needed: set[str], today: dt.date) -> dict[str, bool]:
    sites = {ANY_OTHER_SITE}.union(*(line.sites for line in lines))
    return {site: _holds([x for x in lines if not x.sites or site in x.sites], needed, today) for site in sites}


def _holds(lines: list[_Told], needed: set[str], today: dt.date) -> bool:
    """Whether what was said of one site holds: nothing counts that was given before a withdrawal."""
    ended = [line for line in lines if line.gone <= today]
    newest = max((line.gone for line in ended), default=dt.date.min)
    taken = {line.given for line in ended}
    counting = [x for x in lines if x.gone > today <= x.last and x.given >= newest and x.given not in taken]
    named = set().union(*(line.columns for line in counting)) if counting else set()
    return bool(counting) and needed <= named
