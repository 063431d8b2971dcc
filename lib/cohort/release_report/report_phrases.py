"""Figures and codes of a report in words of one language.

A figure that is None, or no number, is told as hidden or as not measured; it is never 0. The functions return plain
text, which the templates escape.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeGuard

from cohort.foundation import CODE_LISTS
from cohort.pages import ATTRIBUTE_NAMES, LIMIT_NAMES, LIMIT_NAMES_WITH_BOARDS, PageLanguage, name_of_code
from cohort.release_report.report_document import (
    ComparedRates,
    DistributionBar,
    Estimate,
    HeldLimit,
    IntruderRisk,
    LimitException,
    MeasuredClassSizes,
    ReleaseReport,
)
from cohort.release_report.report_texts import ESTIMATORS, INTRUDERS, KNOWLEDGE, LIMIT_MEANINGS, LIMITS, NOTES

SCHOOL_SIZE = "school_size"
MOST_DECIMALS = 6
LARGEST_FIGURE = 1e12
"""What is larger came from a division by almost nothing."""
_SIZE_NAME = re.compile(r"under (?P<under>\d+)|(?P<low>\d+) to (?P<high>\d+)|(?P<least>\d+) or more")


@dataclass(frozen=True)
class ReportPhrases:
    """The phrases of one report in one language."""

    language: PageLanguage
    report: ReleaseReport

    # Numbers.

    def count(self, count: int | None) -> str:
        """A count; of the rounded form it is told as about so many, and a hidden one as hidden."""
        if count is None:
            return self.hidden_count()
        number = self.language.format_number(count)
        return number if self.report.form == "exact" else self.language.gettext("about %(number)s", number=number)

    def hidden_count(self) -> str:
        """What stands where a count is None."""
        if self.report.form == "exact":
            return self.language.gettext("not measured")
        return self.language.gettext("hidden")

    def attempts(self, number: int) -> str:
        """A number of attempts; the rounded form has 0 where it is hidden."""
        return self.hidden_count() if number == 0 and self.report.form == "rounded" else self.count(number)

    def subgroup_count(self, count: int | None) -> str:
        """A count of a subgroup, which both forms hide where it is small."""
        return self.language.gettext("hidden") if count is None else self.count(count)

    def percent(self, share: float | None, decimals: int | None = None) -> str:
        """A share as a percentage.

        Args:
            share: the share; None where it was not measured.
            decimals: how many; None for one, or two under one per cent, and a share that is not 0 is never told as 0.
        """
        if not is_measured(share):
            return self.language.gettext("not measured")
        percentage = 100 * share
        if decimals is None:
            decimals = 1 if abs(percentage) >= 1 or percentage == 0 else 2
            decimals = self._fewest(percentage, decimals)
            if 0 < abs(percentage) < 0.005:
                return ("<" if percentage > 0 else ">-") + self.language.format_decimal(0.01, 2) + "\u00a0%"
        return self.language.format_decimal(percentage, decimals) + "\u00a0%"

    def whole_percent(self, percent: int | None) -> str:
        """A share that the report has in whole per cents; hidden where the count behind it is too small."""
        if percent is None:
            return self.language.gettext("hidden")
        return self.language.format_number(percent) + "\u00a0%"

    def loss(self, loss: float | None) -> str:
        """A loss of a subgroup as a percentage; hidden where the subgroup is too small."""
        return self.language.gettext("hidden") if loss is None else self.percent(loss)

    def tick(self, share: float) -> str:
        """A share on a scale, as a percentage with as few decimals as it needs."""
        percentage = round(100 * share, 2)
        decimals = next((few for few in (0, 1) if round(percentage, few) == percentage), 2)
        return self.language.format_decimal(percentage, decimals) + "\u00a0%"

    def count_tick(self, count: float) -> str:
        """A number of pupils on a scale."""
        return self.language.format_number(round(count))

    def score_tick(self, score: float) -> str:
        """A score on a scale, with as few decimals as it needs."""
        decimals = next((few for few in (0, 1, 2) if round(score, few) == round(score, 3)), 3)
        return self.language.format_decimal(score, decimals)

    def points_tick(self, share: float) -> str:
        """A difference on a scale, in percentage points."""
        return self.tick(share).removesuffix("\u00a0%")

    def points(self, difference: float) -> str:
        """A difference of two shares in percentage points, with its sign."""
        if not is_measured(difference):
            return self.language.gettext("not measured")
        return self._signed(100 * difference, self._fewest(100 * difference, 1))

    def figure(self, number: float | None, decimals: int | None = None) -> str:
        """A figure on a scale of its own.

        Args:
            number: the figure; None where it was not measured.
            decimals: how many; None for at least three digits that count.
        """
        if not is_measured(number):
            return self.language.gettext("not measured")
        most = count_decimals(number, 3) if decimals is None else decimals
        return self.language.format_decimal(number, self._fewest(number, most))

    def decimals_beside(self, standard_error: float) -> int | None:
        """How many decimals a figure needs beside its standard error: as many as give that two digits."""
        return count_decimals(standard_error, 2) if standard_error > 0 else None

    def _fewest(self, number: float, most: int) -> int:
        """How many decimals to show: in the rounded form no more than the figure has, since zeros would claim more."""
        if self.report.form == "exact":
            return most
        return next((few for few in range(most) if round(number, few) == round(number, most)), most)

    def difference(self, after: float, before: float) -> str:
        """By how much a figure came out too large, in its own unit, with its sign."""
        if not is_measured(after - before):
            return self.language.gettext("not measured")
        return self._signed(after - before, 4)

    def relative_error(self, after: float, before: float) -> str:
        """By how much a figure came out too large, in per cents of it, with its sign."""
        if not before or not is_measured(after / before):
            return self.language.gettext("not measured")
        return self._signed(100 * (after / before - 1), 1) + "\u00a0%"

    def standard_errors(self, error: float | None) -> str:
        """An error in standard errors, with its sign."""
        if not is_measured(error):
            return self.language.gettext("not measured")
        return self._signed(error, self._fewest(error, 2))

    def interval(self, rates: ComparedRates) -> str:
        """The 95 % interval of a difference, in percentage points."""
        return self.between(rates.low, rates.high)

    def between(self, low: float, high: float) -> str:
        """An interval in percentage points, for example `[-0.6; +1.6]`."""
        return f"[{self.points(low)}; {self.points(high)}]"

    def _signed(self, number: float, decimals: int) -> str:
        text = self.language.format_decimal(number, decimals)
        return f"+{text}" if round(number, decimals) > 0 else text

    # Names.

    def column(self, name: str) -> str:
        """What a column is called in this language; its name where the report has no label."""
        for one in self.report.columns:
            if one.column == name:
                return (one.label_nl if self.language.code == "nl" else one.label_en) or name
        return name

    def attribute(self, code: str) -> str:
        """What an attribute of pupils is called, that they are compared by."""
        if code == SCHOOL_SIZE:
            return self.language.gettext("size of the school, in pupils of the selection")
        if any(one.column == code for one in self.report.columns):
            return self.column(code)
        return name_of_code(ATTRIBUTE_NAMES, code, self.language)

    def value(self, attribute: str, value: str) -> str:
        """What a value of an attribute is called; the value where it has no name of its own."""
        if attribute == SCHOOL_SIZE and (size := _SIZE_NAME.fullmatch(value)):
            return self._school_size(size)
        codes = CODE_LISTS.get(attribute)
        name = None if codes is None else codes.names.get(value)
        if name is None:
            return value
        return name.nl if self.language.code == "nl" else name.en

    def _school_size(self, size: re.Match[str]) -> str:
        number = {name: self.language.format_number(int(digits)) for name, digits in size.groupdict().items() if digits}
        if "under" in number:
            return self.language.gettext("fewer than %(number)s", number=number["under"])
        if "least" in number:
            return self.language.gettext("%(number)s or more", number=number["least"])
        return self.language.gettext("%(low)s to %(high)s", **number)

    def estimator(self, code: str) -> str:
        """The name of an estimator."""
        return self._name(ESTIMATORS, code)

    def intruder(self, kind: str) -> str:
        """The name of an intruder."""
        return self._name(INTRUDERS, kind)

    def knowledge(self, kind: str) -> str:
        """What an intruder knows."""
        return self._name(KNOWLEDGE, kind)

    def note(self, code: str) -> str:
        """The sentence of a note; the code where it has none."""
        return self._name(NOTES, code)

    def limit(self, code: str) -> str:
        """The name of a limit on attacks; the code where it has none."""
        return self._name(LIMITS, code)

    def limit_meanings(self) -> list[tuple[str, str]]:
        """What each limit of the report holds, by its name; limits without a known meaning are left out."""
        codes = dict.fromkeys(limit.code for limit in self.report.risk.limits if limit.code in LIMIT_MEANINGS)
        return [(self.limit(code), self.language.gettext(LIMIT_MEANINGS[code])) for code in codes]

    def class_limit(self, name: str) -> str:
        """The name of a limit that every class satisfies; it mentions boards where their chance is told."""
        with_boards = any(intruder.kind == "board" for intruder in self.report.risk.intruders)
        return name_of_code(LIMIT_NAMES_WITH_BOARDS if with_boards else LIMIT_NAMES, name, self.language)

    def _name(self, names: Mapping[str, str], code: str) -> str:
        return self.language.gettext(names[code]) if code in names else code

    # Phrases of a part of the report.

    def day(self) -> str:
        """The day on which the release was made; as the report has it where that is no day."""
        return self._day(self.report.made)

    def _day(self, moment: str) -> str:
        try:
            return self.language.format_day(dt.date.fromisoformat(moment[:10]))
        except ValueError:
            return moment

    def chance(self, intruder: IntruderRisk) -> str:
        """The highest chance of an intruder as one in so many, where it is that, and as a percentage."""
        percentage = self.percent(intruder.chance_at_most)
        left = intruder.left_at_least
        if left < 1 or not math.isclose(intruder.chance_at_most, 1 / left, rel_tol=1e-3):
            return percentage
        one_in = self.language.gettext("1 in %(number)s", number=self.language.format_number(left))
        return f"{one_in} ({percentage})"

    def size_range(self, sizes: MeasuredClassSizes) -> str:
        """A range of class sizes."""
        low = self.language.format_number(sizes.smallest)
        if sizes.largest is None:
            return self.language.gettext("%(number)s or more", number=low)
        if sizes.largest == sizes.smallest:
            return low
        return self.language.gettext("%(low)s to %(high)s", low=low, high=self.language.format_number(sizes.largest))

    def band(self, bar: DistributionBar) -> str:
        """The band of a bar, from its lower end up to its upper end."""
        ends = {"low": self.score_tick(bar.lower), "high": self.score_tick(bar.upper)}
        return self.language.gettext("%(low)s up to %(high)s", **ends)

    def held(self, limit: HeldLimit) -> tuple[str, str]:
        """The figure of a limit, and the limit; with as many decimals as tell a broken one from its limit."""
        if limit.figure is None or not is_measured(limit.figure):
            return self.language.gettext("not measured"), self.percent(limit.limit)
        if self.report.form == "rounded":
            about = self.language.gettext("about %(number)s", number=self.percent(limit.figure))
            return about, self.percent(limit.limit)
        decimals = 2
        while decimals < MOST_DECIMALS and limit.figure != limit.limit:
            if round(100 * limit.figure, decimals) != round(100 * limit.limit, decimals):
                break
            decimals += 1
        return self.percent(limit.figure, decimals), self.percent(limit.limit, decimals)

    def verdict(self, limit: HeldLimit) -> str:
        """Whether a limit is kept, with its figure beside it."""
        if not is_measured(limit.figure):
            mark = "✓" if limit.kept else "✗"
            return f"{mark} {self.language.gettext('not measured')}"
        figure, at_most = self.held(limit)
        if limit.kept:
            return self.language.gettext("✓ %(figure)s of at most %(limit)s", figure=figure, limit=at_most)
        if limit.exception is not None:
            return self.language.gettext("! exception: %(figure)s, at most %(limit)s", figure=figure, limit=at_most)
        return self.language.gettext("✗ BROKEN: %(figure)s, at most %(limit)s", figure=figure, limit=at_most)

    def exception(self, exception: LimitException) -> str:
        """Up to which figure an exception holds, who signed it, when and why; the rounded form names nobody."""
        told = {"figure": self.percent(exception.figure_at_most), "day": self._day(exception.date)}
        if exception.signed_by is None:
            text = self.language.gettext("Exception up to %(figure)s, signed on %(day)s", **told)
        else:
            text = self.language.gettext(
                "Exception up to %(figure)s, signed by %(name)s on %(day)s", name=exception.signed_by, **told
            )
        return f"{text}: {exception.reason}"

    def limit_of_column(self, limit: HeldLimit) -> str:
        """The name of a limit, with the column that it was measured for."""
        name = self.limit(limit.code)
        return name if limit.column is None else f"{name}: {limit.column}"


def is_measured(figure: float | None) -> TypeGuard[float]:
    """Whether there is a figure: neither None, nor a number that is none, nor one that no measurement has."""
    return figure is not None and math.isfinite(figure) and abs(figure) < LARGEST_FIGURE


def find_estimate(estimates: tuple[Estimate, ...], estimator: str) -> Estimate | None:
    """The estimate by one estimator, or None where there is none."""
    return next((one for one in estimates if one.estimator == estimator), None)


def count_decimals(number: float, digits: int) -> int:
    """How many decimals give a number so many digits that count: at least two, at most `MOST_DECIMALS`."""
    if not number or not math.isfinite(number):
        return 2
    return min(max(digits - 1 - math.floor(math.log10(abs(number))), 2), MOST_DECIMALS)
