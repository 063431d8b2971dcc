"""The pictures of a report: which rows each shows, and what it says in words.

Every figure comes from the document. A picture without anything to show is absent. Importing this module loads
matplotlib, so that only who renders a page does it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from cohort.charts import BarRow, DistributionPanel, DrawnChart, StackRow, draw_bars, draw_distributions, draw_stacks
from cohort.release_report.report_document import (
    ColumnRates,
    DistributionBar,
    HeldLimit,
    ScoreUtility,
    SubgroupTreatment,
)
from cohort.release_report.report_phrases import ReportPhrases

MOST_OF_A_LIMIT = 2.0
"""Where the bar of a broken limit ends at the latest, as a multiple of the limit."""
LIMIT_BY_ATTACK = {"attributes_only": "INFERENCE_ATTRIBUTES_ONLY", "all_but_one_known": "INFERENCE_ALL_BUT_ONE"}


@dataclass(frozen=True)
class ReportPicture:
    """A picture: its name in the page, its title, what it says in words, how to read it, and what is drawn."""

    name: str
    title: str
    told: str
    reading: str
    chart: DrawnChart


def draw_pictures(phrases: ReportPhrases) -> dict[str, ReportPicture]:
    """Draw the pictures of a report, by their names."""
    drawn = (
        _draw_limits(phrases),
        _draw_detail(phrases),
        _draw_class_sizes(phrases),
        _draw_intruders(phrases),
        _draw_inference(phrases),
        _draw_scores(phrases, growth=False),
        _draw_scores(phrases, growth=True),
        _draw_suppression(phrases),
        _draw_subgroup_losses(phrases),
    )
    return {picture.name: picture for picture in drawn if picture is not None}


def _draw_limits(phrases: ReportPhrases) -> ReportPicture | None:
    rows, heading = [], ""
    for limit in phrases.report.risk.limits:
        name = phrases.limit(limit.code)
        rows.append(
            BarRow(
                phrases.language.gettext("the whole release") if limit.column is None else limit.column,
                phrases.verdict(limit),
                _used_share(limit),
                limit=1.0,
                broken=not limit.kept,
                heading="" if name == heading else name,
            )
        )
        heading = name
    return _bars(
        phrases,
        ("limits", phrases.language.gettext("How much of each limit is used")),
        phrases.language.gettext(
            "The thick mark is the limit (100 %%). A bar that passes it is a broken limit; none is longer than twice "
            "the limit."
        ),
        rows,
    )


def _used_share(limit: HeldLimit) -> float | None:
    """How much of a limit is used, at most `MOST_OF_A_LIMIT`; None where the figure was not measured."""
    if limit.figure is None or not math.isfinite(limit.figure):
        return None
    if limit.limit > 0:
        return min(max(limit.figure, 0.0) / limit.limit, MOST_OF_A_LIMIT)
    return MOST_OF_A_LIMIT if limit.figure > 0 else 0.0


def _draw_detail(phrases: ReportPhrases) -> ReportPicture | None:
    rows, told = [], []
    for column in phrases.report.columns:
        most = max((at.level for at in column.levels), default=0) or 1
        parts = tuple(
            (at.share, at.level / most, str(at.level)) for at in sorted(column.levels, key=lambda at: at.level)
        )
        text = phrases.language.gettext("loss %(share)s", share=phrases.percent(column.loss))
        rows.append(StackRow(column.column, text, tuple(part for part in parts if _is_drawn(part[0]))))
        levels = ", ".join(f"{at.level} ({at.example}): {phrases.percent(at.share)}" for at in column.levels)
        told.append(f"{column.column}: {text}; {levels}")
    if not rows:
        return None
    return ReportPicture(
        "detail",
        phrases.language.gettext("Detail that is left per column"),
        ". ".join(told),
        phrases.language.gettext(
            "Each bar is all released pupils. From left to right and from dark to light: the finest level (0) to the "
            "coarsest; the number in a part is its level."
        ),
        draw_stacks(rows, phrases.tick),
    )


def _draw_class_sizes(phrases: ReportPhrases) -> ReportPicture | None:
    rows = []
    for sizes in phrases.report.class_sizes:
        text = phrases.language.gettext("%(number)s pupils", number=phrases.count(sizes.pupils))
        label = phrases.language.gettext("Classes of %(sizes)s pupils", sizes=phrases.size_range(sizes))
        value = None if sizes.pupils is None else float(sizes.pupils)
        rows.append(BarRow(label, text if sizes.pupils is not None else phrases.hidden_count(), value))
    return _bars(
        phrases,
        ("sizes", phrases.language.gettext("Pupils by the size of their class")),
        phrases.language.gettext("A class is all pupils whose rows look the same. The scale is in pupils."),
        rows,
        phrases.count_tick,
    )


def _draw_intruders(phrases: ReportPhrases) -> ReportPicture | None:
    k = phrases.report.k
    limit = 1 / k if k > 0 else None
    rows = [
        BarRow(phrases.intruder(one.kind), phrases.chance(one), _drawn(one.chance_at_most), limit=limit)
        for one in phrases.report.risk.intruders
    ]
    return _bars(
        phrases,
        ("intruders", phrases.language.gettext("Highest chance to pick the right row, by intruder")),
        phrases.language.gettext(
            "The thick mark is 1 in k, the chance of who knows nothing but what the release shows. It is no limit for "
            "the others: who knows more pupils has fewer rows left."
        ),
        rows,
    )


def _draw_inference(phrases: ReportPhrases) -> ReportPicture | None:
    inference = phrases.report.risk.inference
    if inference is None:
        return None
    groups = (
        ("attributes_only", phrases.language.gettext("From attributes only"), inference.attributes_only),
        ("all_but_one_known", phrases.language.gettext("From all other columns"), inference.all_but_one_known),
    )
    rows = [
        _make_rates_row(phrases, one, code, heading if number == 0 else "")
        for code, heading, attacked in groups
        for number, one in enumerate(attacked)
    ]
    return _bars(
        phrases,
        ("inference", phrases.language.gettext("What the release adds to a guess of one column")),
        phrases.language.gettext(
            "Right guesses about pupils of the release less those about pupils of the control half, in percentage "
            "points. The black line is the 95 %% interval; its right end is held to the thick mark."
        ),
        rows,
        phrases.points_tick,
    )


def _make_rates_row(phrases: ReportPhrases, attacked: ColumnRates, attack: str, heading: str) -> BarRow:
    rates = attacked.rates
    code = LIMIT_BY_ATTACK[attack]
    held = [one for one in phrases.report.risk.limits if one.code == code and one.column in (attacked.column, None)]
    text = f"{phrases.points(rates.difference)} {phrases.interval(rates)}"
    return BarRow(
        attacked.column,
        text,
        _drawn(rates.difference),
        _drawn(rates.low),
        _drawn(rates.high),
        _drawn(held[0].limit) if held else None,
        any(not one.kept for one in held),
        heading,
    )


def _draw_scores(phrases: ReportPhrases, *, growth: bool) -> ReportPicture | None:
    scores = [one for one in phrases.report.utility.scores if one.growth == growth and _bands_of(one)]
    if not scores:
        return None
    title = (
        phrases.language.gettext("Growth before and after")
        if growth
        else phrases.language.gettext("Scores before and after")
    )
    told = (
        f"{score.column}: "
        + "; ".join(
            f"{phrases.band(bar)}: {phrases.percent(bar.before)}, {phrases.percent(bar.after)}" for bar in shown
        )
        for score in scores
        for shown in (score.distribution,)
    )
    panels = [DistributionPanel(score.column, _bands_of(score)) for score in scores]
    return ReportPicture(
        "growth" if growth else "scores",
        title,
        ". ".join(told),
        phrases.language.gettext(
            "The black line is before (exact), the filled bars are after (released, spread evenly over each label). "
            "The scale is the share of the pupils in a band; wider bands are drawn lower, so that areas can be "
            "compared."
        ),
        draw_distributions(panels, phrases.tick, phrases.score_tick),
    )


def _bands_of(score: ScoreUtility) -> tuple[tuple[float, float, float | None, float], ...]:
    """The bands that can be drawn, from low to high; without those of an open end, or without a width."""
    bars: Iterable[DistributionBar] = sorted(score.distribution, key=lambda bar: bar.lower)
    drawn = [
        bar
        for bar in bars
        if math.isfinite(bar.lower) and math.isfinite(bar.upper) and bar.lower < bar.upper and math.isfinite(bar.after)
    ]
    narrowest = min((bar.upper - bar.lower for bar in drawn), default=1.0)
    return tuple((bar.lower, bar.upper, *_heights(bar, narrowest)) for bar in drawn)


def _heights(bar: DistributionBar, narrowest: float) -> tuple[float | None, float]:
    """The shares of a band per width of the narrowest, before and after, so that areas are shares."""
    scale = narrowest / (bar.upper - bar.lower)
    before = _drawn(bar.before)
    return None if before is None else before * scale, bar.after * scale


def _draw_suppression(phrases: ReportPhrases) -> ReportPicture | None:
    rows = [
        BarRow(
            phrases.value(one.column, one.value),
            phrases.whole_percent(one.suppressed_percent),
            None if one.suppressed_percent is None else one.suppressed_percent / 100,
            heading=heading,
        )
        for one, heading in _with_headings(phrases, phrases.report.equity)
    ]
    return _bars(
        phrases,
        ("suppressed", phrases.language.gettext("Who is left out: suppressed pupils per subgroup")),
        phrases.language.gettext("Share of the pupils of the subgroup. Where the number is too small it is hidden."),
        rows,
    )


def _draw_subgroup_losses(phrases: ReportPhrases) -> ReportPicture | None:
    rows = [
        BarRow(
            phrases.value(one.column, one.value),
            phrases.loss(one.mean_loss),
            None if one.mean_loss is None else _drawn(one.mean_loss),
            heading=heading,
        )
        for one, heading in _with_headings(phrases, phrases.report.equity)
    ]
    return _bars(
        phrases,
        ("losses", phrases.language.gettext("Who loses detail: mean loss per subgroup")),
        phrases.language.gettext("0 %% is exact, 100 %% is nothing left; a suppressed pupil has lost all."),
        rows,
    )


def _with_headings(phrases: ReportPhrases, equity: Sequence[SubgroupTreatment]) -> list[tuple[SubgroupTreatment, str]]:
    """The subgroups, each with the heading of its attribute where that begins."""
    return [
        (one, phrases.attribute(one.column) if number == 0 or equity[number - 1].column != one.column else "")
        for number, one in enumerate(equity)
    ]


def _bars(
    phrases: ReportPhrases,
    named: tuple[str, str],
    reading: str,
    rows: Sequence[BarRow],
    format_tick: Callable[[float], str] | None = None,
) -> ReportPicture | None:
    if not rows:
        return None
    name, title = named
    told, heading = [], ""
    for row in rows:
        heading = row.heading or heading
        told.append(f"{heading}, {row.label}: {row.text}" if heading else f"{row.label}: {row.text}")
    return ReportPicture(name, title, "; ".join(told), reading, draw_bars(rows, format_tick or phrases.tick))


def _drawn(number: float | None) -> float | None:
    """A number that can be drawn; None where it is none."""
    return number if number is not None and math.isfinite(number) else None


def _is_drawn(share: float) -> bool:
    return math.isfinite(share) and share > 0
