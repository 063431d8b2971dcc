"""What an open record says, in words of one language: phrases for the pages and the register of processing.

Every function of `RecordPhrases` returns plain text; the templates escape it.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from cohort.pages import (
    INTRUDER_NAMES,
    LIMIT_NAMES,
    LIMIT_NAMES_WITH_BOARDS,
    PageLanguage,
    describe_source,
    name_of_code,
)
from cohort.transparency.register_documents import (
    RegisterAgreement,
    RegisterColumn,
    RegisterEntry,
    RegisterRelease,
    ReleasedColumn,
    ReleasedLevel,
)


@dataclass(frozen=True)
class RecordPhrases:
    """The phrases of one language."""

    language: PageLanguage

    def count(self, release: RegisterRelease, name: str) -> str:
        """A count of a release: rounded, `at most` when it is hidden, or `not recorded`."""
        if name not in release.counts:
            return self.language.gettext("not recorded")
        return self.rounded_number(release.counts[name], release)

    def rounded_number(self, number: int | None, release: RegisterRelease) -> str:
        """A rounded number, or the limit under which the release hides numbers where it is None."""
        if number is None:
            return self.language.gettext("at most %(number)s", number=release.hidden_up_to)
        return self.language.gettext("about %(number)s", number=self.language.format_number(number))

    def limit(self, name: str, release: RegisterRelease) -> str:
        """The name of a limit; of a release that counts school boards it mentions them."""
        names = LIMIT_NAMES_WITH_BOARDS if release.faced else LIMIT_NAMES
        return name_of_code(names, name, self.language)

    def intruder(self, kind: str) -> str:
        """What a kind of intruder knows."""
        return name_of_code(INTRUDER_NAMES, kind, self.language)

    def one_in(self, number: int) -> str:
        """A chance, for example `1 in 10`."""
        return self.language.gettext("1 in %(number)s", number=number)

    def period(self, entry: RegisterEntry) -> str:
        """The period that was agreed, or `not recorded`."""
        if entry.agreement is None:
            return self.language.gettext("not recorded")
        return self.agreed_period(entry.agreement.starts, entry.agreement.ends)

    def agreed_period(self, starts: dt.date | None, ends: dt.date) -> str:
        """A period by its first and last day; the first day is None where it was never recorded."""
        last = self.language.format_day(ends)
        if starts is None:
            return self.language.gettext("up to and including %(last)s", last=last)
        first = self.language.format_day(starts)
        return self.language.gettext("%(first)s up to and including %(last)s", first=first, last=last)

    def destruction_due(self, last_day: dt.date) -> str:
        """What happens after the last day of the agreement."""
        return self.language.gettext(
            "After %(day)s the data of this project are destroyed. The proof will then stand here.",
            day=self.language.format_day(last_day),
        )

    def question(self, entry: RegisterEntry) -> str:
        """The research question as agreed; without an agreement, the name of the project."""
        if entry.agreement is not None:
            return entry.agreement.question
        return self.language.gettext("Project %(name)s", name=entry.name)

    def year_groups(self, agreement: RegisterAgreement) -> str:
        """The year groups of the selection."""
        groups = agreement.population.jaargroep
        return ", ".join(groups) if groups else self.language.gettext("all")

    def column_source(self, column: RegisterColumn) -> str:
        """What a column shows: an attribute, a result of a moment, or the growth between two moments."""
        return describe_source(column.source, self.language)

    def generalisation(self, column: ReleasedColumn, *, sensitive: bool) -> str:
        """How a release shows a column: at one level, or at several levels for parts of the pupils."""
        if sensitive:
            return self.language.gettext(
                "the value itself, or unknown for a whole group in which it would say too much"
            )
        if len(column.levels) == 1:
            return self._level(column.levels[0])
        return "; ".join(
            self.language.gettext(
                "%(share)s %% of the pupils: %(level)s", share=whole_percent(level.share), level=self._level(level)
            )
            for level in column.levels
        )

    def _level(self, level: ReleasedLevel) -> str:
        if level.values == ["*"]:
            return self.language.gettext("hidden altogether")
        if level.level == 0:
            return self.language.gettext("at the finest level (0)")
        return self.language.gettext("at level %(level)s", level=level.level)


def whole_percent(part: float) -> int:
    """A share of 1 as a whole number of per cents."""
    return round(part * 100)


def kept_percent(column: ReleasedColumn) -> int:
    """The share of a column's detail that its generalisation keeps, in whole per cents."""
    return whole_percent(1 - column.loss)


def list_released_values(column: ReleasedColumn) -> list[str]:
    """List every value that occurs in a column once: numbers and bands by their lower end, then words."""
    return sorted({value for level in column.levels for value in level.values}, key=_sort_key)


def _sort_key(value: str) -> tuple[bool, float, str]:
    number = re.match(r"-?\d{1,9}([.,]\d{1,9})?", value)
    return number is None, float(number[0].replace(",", ".")) if number else 0.0, value
