"""What one row of a delivery is held to: the code lists, the forms of values, and every rule as a column.

A rule never corrects a value. What several rules need is a column of its own, made below them (`parsed`, then
`derived`): Spark evaluates it once per row. No function takes a lambda: its arguments would be interpreted,
not compiled.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from functools import cache, reduce
from operator import and_, or_

from pyspark.sql import Column
from pyspark.sql import functions as F

from cohort import identifiers
from cohort.schema import CANONICAL, GIVEN, SCORE, SCORES

CELLS = "_cells"
GEWICHT = ("000", "025", "030", "040", "070", "090", "120")
CODE_LISTS = {
    "gewicht": ("?", "0", "0,3", "1,2", *(f"{n[0]}{p}{n[1:]}" for n in GEWICHT for p in ",.")),
    "thuistaal": ("nl", "fy", "dialect", "overig"),
    "opleiding_ouders": ("laag", "midden", "hoog"),
    "ses": (*(f"{n}" for n in range(100)), *(f"{n:02d}" for n in range(10))),
    "combinatiegroep": ("0", "1", "ja", "nee"),
    "schooltype": ("bo", "sbo", "so", "vso", "vo"),
    "geslacht": ("0", "1", "2", "9"),
    "jaargroep": ("B", "D", *map(str, range(9)), *map(str, range(11, 17)), "S", "V", "C", "N", "H"),
    "niveau_AE": ("A", "B", "C", "D", "E"),
    "niveau_IV": ("I+", "I", "II", "III", "IV", "V"),
}
DATES = ("afnamedatum", "geboortedatum")
OF_THE_PUPIL = ("gewicht", "thuistaal", "opleiding_ouders", "ses", "combinatiegroep", "schooltype")
POSTCODE4 = r"^[1-9][0-9]{3}\z"
SENTINELS = r"^(9{4,}([.,]0+)?|-+|0000+|n\.?v\.?t\.?|onbekend)\z"
"""What administrations write where they have no score: read as empty."""
NUMBER_FORM = r"^(?!9{4,}(,0+)?\z|0000+\z)[0-9]{1,5}(,[0-9]{1,2})?\z"
WHOLE_FORM = r"^(?!9{4,}\z|0000+\z)[0-9]{1,5}\z"
BRIN_FORM = f"^{identifiers.BRIN.pattern}\\z"
MOMENTS = {"B": (0, 8), "M": (1, 1), "E": (1, 4)}
"""A moment begins in the first or second calendar year of the school year, on the first of that month."""
OUTSIDE = "DATE_OUTSIDE_YEAR"
BROKEN = "ROW_BROKEN"
"""The one code of a line that is no row: its values stand nobody knows where."""
JOINED = ("PUPIL_NOT_IN_ROSTER", "PUPIL_AMBIGUOUS")
"""Codes of a reader that says itself why a row has no pupil number."""
YEARS = range(2000, 2100)


def cell(name: str) -> Column:
    """A value as delivered. All of a row's stand in one array, because a row is copied from step to step."""
    return F.expr(cell_text(name))


def cell_text(name: str) -> str:
    """As text, which crosses to the JVM once and not once for every part: there are some hundred of these."""
    return f"get({CELLS}, {CANONICAL.index(name)})"


def _listed(name: str) -> Column:
    """Whether a value is one of its list's."""
    codes = ", ".join(f"'{code}'" for code in CODE_LISTS[name])
    return F.expr(f"{cell_text(name)} in ({codes})")


def parsed() -> list[Column]:
    """What the rules need of a row's own values, typed; null where it is not written as one of its kind."""
    score, raw = cell("vaardigheidsscore"), cell("ruwe_score")
    decimal = F.replace(score, F.lit(","), F.lit(".")).try_cast(SCORE)
    level = {name: _listed(name) for name in ("niveau_AE", "niveau_IV")}
    first = F.substring(cell("schooljaar"), 1, 4).try_cast("int")
    written = F.concat(first.cast("string"), F.lit("-"), (first + 1).cast("string"))
    year = F.when(first.between(YEARS[0], YEARS[-1]) & (cell("schooljaar") == written), first)
    one_fifth = F.when(cell("niveau_IV") == "I+", "I").when(level["niveau_IV"], cell("niveau_IV"))
    return [
        identifiers.normal(cell("pgn")).alias("pgn"),
        cell("afnamedatum").try_cast("date").alias("afnamedatum"),
        cell("geboortedatum").try_cast("date").alias("geboortedatum"),
        F.when(score.rlike(NUMBER_FORM), decimal).alias("vaardigheidsscore"),
        F.when(raw.rlike(WHOLE_FORM), raw.try_cast("int")).alias("ruwe_score"),
        F.when(level["niveau_AE"], cell("niveau_AE")).alias("niveau_AE"),
        one_fifth.alias("niveau_IV"),
        year.alias("_year"),
    ]


def derived() -> list[Column]:
    """What follows from what was parsed: kind of number, site, moment, the day that the result counts as."""
    year = F.col("_year")
    starts, ends = F.make_date(year, F.lit(8), F.lit(1)), F.make_date(year + 1, F.lit(7), F.lit(31))
    month = F.month("afnamedatum")
    by_date = F.when(month >= 8, "B").when(month <= 3, "M").when(month.isNotNull(), "E")
    given = F.when(cell("afnameperiode").isin(*MOMENTS), cell("afnameperiode"))
    moment = F.coalesce("_test_moment", given, by_date)
    within = F.col("afnamedatum").between(starts, ends)
    first = F.coalesce(
        *(
            F.when(moment == name, F.make_date(year + later, F.lit(begins), F.lit(1)))
            for name, (later, begins) in MOMENTS.items()
        )
    )
    return [
        identifiers.kind(F.col("pgn")).alias("pgn_soort"),
        F.coalesce(cell("vestiging"), F.lit("00")).alias("vestiging"),
        moment.alias("afnameperiode"),
        F.coalesce(F.when(within, F.col("afnamedatum")), first).alias("peildag"),
        within.alias("_within"),
    ]


def rules(today: dt.date, told: Collection[str]) -> list[Column]:
    """Every rule but those that are only told: null, or its code.

    A condition on what is not there is null, and so no finding.
    """
    c, sent = F.col, cache(cell)
    filler = F.lpad(identifiers.bare(sent("pgn")), 9, "0").isin(*identifiers.FILLERS)
    age = c("_year") - F.year("geboortedatum")
    unlisted = {name: ~_listed(name) for name in CODE_LISTS}
    attribute = reduce(or_, (unlisted[name] for name in OF_THE_PUPIL))
    day = {n: sent(n).isNotNull() & ~sent(n).eqNullSafe(c(n).cast("string")) for n in DATES}
    wrong = {n: c(n).isNull() & ~sent(n).rlike(SENTINELS) for n in SCORES}
    any_wrong = reduce(or_, (F.coalesce(w, F.lit(False)) for w in wrong.values()))
    moment = sent("afnameperiode")
    this_year = F.lit(today.year if today.month >= 8 else today.year - 1)
    rules = [
        ("BRIN_INVALID", c("_listed").isNull() & ~F.coalesce(sent("brin").rlike(BRIN_FORM), F.lit(False))),
        ("BRIN_UNKNOWN", c("_listed").isNull() & sent("brin").rlike(BRIN_FORM)),
        ("VESTIGING_INVALID", ~sent("vestiging").rlike(r"^[0-9]{2}\z")),
        ("YEAR_INVALID", c("_year").isNull()),
        ("PGN_MISSING", sent("pgn").isNull() & ~F.coalesce(c(GIVEN).isin(*JOINED), F.lit(False))),
        ("PGN_FILLER", c("pgn_soort").isNull() & filler),
        ("PGN_INVALID", c("pgn_soort").isNull() & ~filler),
        ("TEST_UNKNOWN", c("domein").isNull()),
        ("DATE_INVALID", reduce(or_, day.values())),
        (OUTSIDE, ~c("_within")),
        ("DATE_IN_FUTURE", (c("afnamedatum") > F.lit(today)) | (c("_year") > this_year)),
        ("BIRTH_DATE_IMPLAUSIBLE", ~age.between(3, 21)),
        ("MOMENT_MISSING", sent("afnamedatum").isNull() & moment.isNull()),
        ("MOMENT_INVALID", moment.isNotNull() & ~moment.eqNullSafe(c("afnameperiode"))),
        ("YEAR_GROUP_INVALID", unlisted["jaargroep"]),
        ("SEX_INVALID", unlisted["geslacht"]),
        ("ATTRIBUTE_INVALID", attribute | ~sent("postcode4").rlike(POSTCODE4)),
        ("SCORE_MISSING", reduce(and_, (c(n).isNull() for n in SCORES)) & ~any_wrong),
        ("SCORE_NOT_A_NUMBER", wrong["vaardigheidsscore"] | wrong["ruwe_score"]),
        ("SCORE_OUT_OF_RANGE", ~c("vaardigheidsscore").between(c("_lowest"), c("_highest"))),
        ("LEVEL_INVALID", wrong["niveau_AE"] | wrong["niveau_IV"]),
    ]
    refusing = [(code, broken & ~c(GIVEN).eqNullSafe(code)) for code, broken in rules if code not in told]
    return [c(GIVEN), *(F.when(broken, F.lit(code)) for code, broken in refusing)]
