"""School boards (*bevoegd gezag*): which of them know the pupils of which school, by the school list.

`catalogue` reads the lines; releases and withdrawals ask here. A board knows every pupil of every school that
it has or had, so each rule on the schools of a class is held to boards as well. The verifier reads the list
by code of its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations


@dataclass(frozen=True)
class SchoolSite:
    """A line of the school list: a site (*vestiging*) of a school, its board if any, from when until when."""

    brin: str
    vestiging: str
    board: str
    since: dt.date
    until: dt.date

    def contradicts(self, other: SchoolSite) -> bool:
        """Whether two lines give one site two boards on the same day."""
        same = (self.brin, self.vestiging) == (other.brin, other.vestiging)
        return same and self.board != other.board and max(self.since, other.since) <= min(self.until, other.until)


@dataclass(frozen=True)
class SchoolBoards:
    """The boards of one school: the present one, and all that have or had one of its sites."""

    present: str
    ever: frozenset[str]


def normalise_board(text: str) -> str:
    """A board as it counts: blanks, capitals and leading zeros make no other board; nothing is no board."""
    bare = "".join(text.split()).casefold()
    return bare.lstrip("0") or bare[:1]


def find_school_boards(sites: Sequence[SchoolSite], today: dt.date) -> dict[str, SchoolBoards]:
    """The boards of every school that has or had one, by BRIN; any other school is a board of its own.

    The present board is that of a line in force today; where there is none, of the lines that ended last,
    else of those that begin first. Where sites have several, it is the first in order.
    """
    lines: dict[str, list[SchoolSite]] = {}
    for site in sites:
        if site.board:
            lines.setdefault(site.brin, []).append(site)
    return {
        brin: SchoolBoards(_present(of_school, today), frozenset(site.board for site in of_school))
        for brin, of_school in lines.items()
    }


def find_board_contradictions(sites: Sequence[SchoolSite]) -> list[str]:
    """Schools, by BRIN, of which a site has two boards on one day."""
    of_site: dict[tuple[str, str], list[SchoolSite]] = {}
    for site in sites:
        of_site.setdefault((site.brin, site.vestiging), []).append(site)
    return sorted(
        {
            brin
            for (brin, _), lines in of_site.items()
            if any(one.contradicts(other) for one, other in combinations(lines, 2))
        }
    )


def _present(lines: Sequence[SchoolSite], today: dt.date) -> str:
    now = [site for site in lines if site.since <= today <= site.until]
    ended = [site for site in lines if site.until < today]
    if not now and ended:
        last = max(site.until for site in ended)
        now = [site for site in ended if site.until == last]
    if not now:
        first = min(site.since for site in lines)
        now = [site for site in lines if site.since == first]
    return min(site.board for site in now)
