"""Bands that a project file declares for a column of numbers or years, instead of naming a hierarchy file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Annotated

from pydantic import Field, model_validator

from cohort.foundation import Declaration, several_problems

MAX_DECLARED_BANDS = 10_000


class DeclaredBands(Declaration):
    """Bands `[n·step, (n+1)·step)` from a lowest to a highest value, and the band widths of the higher levels.

        bands = { from = 0, to = 60, step = 20, widths = [40], above = true }

        value   leaf          level 1       level 2
        0       0 tot 20      0 tot 40      *
        20      20 tot 40     0 tot 40      *
        59.9    40 tot 60     40 en hoger   *
        60      60 en hoger   40 en hoger   *

    Instead of `widths`, `edges` lists the boundaries of each higher level, for example of quantiles that a preview
    proposed: `edges = [[10, 30, 40], [30]]` with `step = 10`. Each is a multiple of the step, and an edge of the level
    below.

    For a column made from the date of birth all numbers are years; a cohort counts as its first year. With `below`
    and `above` the values outside have an open band; without, such a value stops a release.
    """

    from_: Annotated[int, Field(alias="from", ge=-1_000_000, le=1_000_000)]
    to: Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
    step: Annotated[int, Field(ge=1)]
    widths: list[Annotated[int, Field(ge=1)]] = Field(default_factory=list)
    edges: list[list[int]] = Field(default_factory=list)
    below: bool = False
    above: bool = False

    @model_validator(mode="after")
    def _coherent(self) -> DeclaredBands:
        problems = list(self._find_problems())
        if problems:
            raise several_problems(problems)
        return self

    def _find_problems(self) -> Iterator[str]:
        if self.from_ >= self.to or self.from_ % self.step or self.to % self.step:
            yield (
                "Expected bands from a multiple of the step to a higher one, for example from = 0, to = 300, "
                f"step = 20; found from = {self.from_}, to = {self.to}, step = {self.step} in <where>. "
                "Correct them: a band begins at a multiple of the step."
            )
        elif (self.to - self.from_) // self.step > MAX_DECLARED_BANDS:
            yield (
                f"Expected at most {MAX_DECLARED_BANDS:,} bands, for example a step of 20; found more in <where>. "
                "Choose wider bands."
            )
        yield from self._find_level_problems()

    def _find_level_problems(self) -> Iterator[str]:
        """Find the reasons why the levels above the leaves cannot be made."""
        if len({"widths", "edges"} & self.model_fields_set) != 1:
            yield (
                "Expected either widths or edges, for example widths = [40] or, for one level only, widths = []; found "
                f"{'both' if self.edges else 'neither'} in <where>. Declare the levels in one of the two ways."
            )
        lowest, highest = self.from_ + self.step * (not self.below), self.to - self.step * (not self.above)
        below: Sequence[int] = range(lowest, highest + 1, self.step)
        for edges in self.edges:
            if not edges or edges != sorted(set(edges)) or not set(edges) <= set(below):
                yield (
                    "Expected edges in ascending order, each a multiple of the step between from and to and one of the "
                    f"level below, for example step = 10 and edges = [[10, 30, 40], [30]]; found {self.edges} with "
                    f"step = {self.step} in <where>. Correct the edges."
                )
                break
            below = edges
        rising = all(wider > narrower and wider % narrower == 0 for narrower, wider in pairwise(self.widths))
        if not rising or any(width % self.step for width in self.widths):
            yield (
                "Expected widths that are multiples of the step, each of the one before, for example step = "
                f"20 and widths = [40, 80]; found {self.widths} with step = {self.step} in <where>. Correct "
                "the widths: wider bands are made of whole narrower ones."
            )

    def find_column_problems(self, name: str, *, scores: bool, numbers: bool, born: str | None) -> Iterator[str]:
        """Find the reasons why a column cannot have these bands.

        Args:
            name: the name of the column.
            scores: whether its values are scores.
            numbers: whether its values are numbers at all.
            born: what the column shows of the date of birth (`cohort`, `quarter`, `year`), None for other sources.

        Returns:
            A sentence for each reason, with `<where>` in place of the name of the file.
        """
        if not numbers and born is None:
            yield (
                "Expected bands for numbers and years alone, for example a vaardigheidsscore; found some for "
                f"column {name} in <where>. Name a hierarchy file instead."
            )
        elif not scores and self.step != 1:
            yield (
                "Expected step = 1 in the bands of an attribute, whose leaves are its values, for example "
                f"widths = [5] with lowest_level = 1; found step = {self.step} for column {name} in <where>. "
                "Set step = 1."
            )
        if born != "quarter" and self.step in self.widths:
            yield (
                "Expected widths greater than the step, for example step = 20 and widths = [40]; found the "
                f"step itself for column {name} in <where>. Remove that width."
            )
