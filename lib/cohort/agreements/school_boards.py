"""School boards (*bevoegd gezag*): which boards know the pupils of each school, from the school list.

`catalogue` reads the list; releases and withdrawals use the boards. A board knows every pupil of every school that it
has or had, so every rule on the schools of a class holds for boards as well. The verifier does not use this module: it
reads the school list with its own code.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations


@dataclass(frozen=True)
class SchoolSite:
    """A line of the school list: a site (*vestiging*) of a school with its board, empty for none, and its period."""

    brin: str
    vestiging: str
    board: str
    since: dt.date
    until: dt.date

    def contradicts(self, other: SchoolSite) -> bool:
        """Whether the other line gives the same site another board on the same day."""
        same_site = (self.brin, self.vestiging) == (other.brin, other.vestiging)
        return same_site and self.board != other.board and max(self.since, other.since) <= min(self.until, other.until)


@dataclass(frozen=True)
class SchoolBoards:
    """The boards of one school: the present one, and every board that has or had one of its sites."""

    present: str
    ever: frozenset[str]


def normalise_board(text: str) -> str:
    """Normalise the spelling of a board: blanks, capitals and leading zeros do not distinguish boards."""
    bare = "".join(text.split()).casefold()
    return bare.lstrip("0") or bare[:1]


def find_school_boards(sites: Sequence[SchoolSite], today: dt.date) -> dict[str, SchoolBoards]:
    """Find the boards of every school that has or had one, by BRIN; any other school counts as its own board.

    The present board is that of a line in force today; without such a line, of the lines that ended last; without
    those, of the lines that begin first. Where sites have different boards it is the first in alphabetical order.
    """
    lines: dict[str, list[SchoolSite]] = {}
    for site in sites:
        if site.board:
            lines.setdefault(site.brin, []).append(site)
    return {
        brin: SchoolBoards(_present_board(school_lines, today), frozenset(line.board for line in school_lines))
        for brin, school_lines in lines.items()
    }


def find_board_contradictions(sites: Sequence[SchoolSite]) -> list[str]:
    """Find the schools, by BRIN, of which a site has two boards on one day."""
    lines_by_site: dict[tuple[str, str], list[SchoolSite]] = {}
    for site in sites:
        lines_by_site.setdefault((site.brin, site.vestiging), []).append(site)
    return sorted(
        {
            brin
            for (brin, _), lines in lines_by_site.items()
            if any(one.contradicts(other) for one, other in combinations(lines, 2))
        }
    )


def _present_board(lines: Sequence[SchoolSite], today: dt.date) -> str:
    candidates = [site for site in lines if site.since <= today <= site.until]
    ended = [site for site in lines if site.until < today]
    if not candidates and ended:
        last = max(site.until for site in ended)
        candidates = [site for site in ended if site.until == last]
    if not candidates:
        first = min(site.since for site in lines)
        candidates = [site for site in lines if site.since == first]
    return min(site.board for site in candidates)
