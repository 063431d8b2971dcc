"""The rules for a single row of a delivery, and the forms of its values, as SQL expressions.

Called by `row_validation`, which applies them in four steps: `parsed_columns`, `derived_columns`, then
`concluding_columns` with `code_columns`, then `rule_columns`. What several rules need is a column of its own, so that
Spark evaluates it once per row. A rule is null or a reason code and never corrects a value; of a coded column every
accepted spelling is the same value, and is written as its code. There are no higher-order functions with lambdas: Spark
interprets those and does not compile them. The rules are SQL text because text crosses to the JVM once, and a `Column`
once for each of its parts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from string import Template

from cohort.data_states import CANONICAL_COLUMNS, READER_REASON, SCORE_COLUMNS, SCORE_TYPE
from cohort.delivery_formats import ROW_BROKEN
from cohort.foundation import (
    BRIN_PATTERN,
    CODE_LISTS,
    NO_VALUE,
    PLACEHOLDER_NUMBERS,
    ROUNDED_PGN_PATTERN,
    elfproef_remainder_sql,
    is_plain_pgn_sql,
    normalise_pgn_sql,
    pgn_kind_sql,
    strip_ignored_sql,
)

DELIVERED_VALUES = "_cells"
MENDED, PARTIAL = "_mended", "_partial"
DELIVERED_VALUE = {name: f"get({DELIVERED_VALUES}, {place})" for place, name in enumerate(CANONICAL_COLUMNS)}
"""SQL: each value as delivered. All of a row's stand in one array, because a row is copied from step to step."""
CODE_OR_NOTHING = {name: f"_{name}" for name in CODE_LISTS}
"""Each coded value in its canonical spelling: `''` where it stands for no value, null where no list knows it."""
CANONICAL_CODE = {
    name: f"nullif({read}, '{NO_VALUE}')" if NO_VALUE in CODE_LISTS[name].spellings.values() else read
    for name, read in CODE_OR_NOTHING.items()
}
"""The same; null where it stands for no value, too."""
PUPIL_ATTRIBUTES = ("gewicht", "postcode4", "thuistaal", "opleiding_ouders", "ses", "combinatiegroep", "schooltype")
SENTINELS = r"(?i)^(9{4,}([.,]0+)?|[-–—]+|0000+|n\.?v\.?t\.?|onbekend|#[a-z_/]+0?[!?]?|#+|err:[0-9]{3})\z"
"""What administrations write where they have no score, and spreadsheets where a formula failed (`#N/A`,
`#DEEL/0!`, `Err:502`): read as empty."""
NUMBER_FORM = r"^(?!9{4,}(,0+)?\z|0000+\z)[0-9]{1,5}(,[0-9]{1,2})?\z"
WHOLE_FORM = r"^(?!9{4,}\z|0000+\z)[0-9]{1,5}\z"
BRIN_FORM = f"^{BRIN_PATTERN.pattern}\\z"
MAIN_SITE = "00"
"""The site of a school that names none."""
MOMENT_STARTS = {"B": (0, 8), "M": (1, 1), "E": (1, 4)}
"""Per moment whether it begins in the first (0) or second (1) calendar year of the school year, and in which month."""
TIME_OF_DAY = r"[T ](?:[01]?[0-9]|2[01]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]+)?)?(?:Z|\+0[0-2]:?00)?"
"""A time after a day with which it is the same day in the time of the Netherlands: before 22 hours."""
_YEAR, _ANY, _ANY_TWO = "(?:(?:19|20)[0-9]{2}|0000)", "(?:[0-2]?[0-9]|3[01])", "(?:[0-2][0-9]|3[01])"
_ZERO = f"(?:00?[-/.]{_ANY}|{_ANY}[-/.]00?)"
_ZEROS = f"(?:00{_ANY_TWO}|{_ANY_TWO}00)"
PARTIAL_DATE_FORM = rf"""^≠?(?:
    {_YEAR}(?:[-/.]{_ANY})?|{_ANY}[-/.]{_YEAR}
    |{_YEAR}[-/.]{_ZERO}|{_ZERO}[-/.]{_YEAR}|0000(?:[-/.]{_ANY}){{2}}|(?:{_ANY}[-/.]){{2}}0000
    |{_YEAR}{_ZEROS}|{_ZEROS}{_YEAR}|0000{_ANY_TWO}{{2}}|{_ANY_TWO}{{2}}0000
    )\z""".replace("\n    ", "")
"""A date of birth of which only a part is known: `2014-00-00`, `00-07-2014`, `20140700`, `2014`."""
DATE_OUTSIDE_YEAR, BIRTH_DATE_PARTIAL = "DATE_OUTSIDE_YEAR", "BIRTH_DATE_PARTIAL"
HEADER_REPEATED, NO_RESULT = "HEADER_REPEATED", "NO_RESULT"
"""Two codes of a line that is no row: it is the header again, or it names no pupil, no school and no test (a total, a
remark). With `ROW_BROKEN`, whose columns cannot be told apart, such a line has no other code."""
UNREADABLE_LINE_CODES = f"'{ROW_BROKEN}', '{HEADER_REPEATED}', '{NO_RESULT}'"
"""The three codes of a line that is no row, as a list in SQL."""
ROSTER_CODES = ("PUPIL_NOT_IN_ROSTER", "PUPIL_AMBIGUOUS")
"""Codes by which the reader of a file says why a row has no pupil number."""
SCORE_NOT_A_NUMBER, LEVEL_INVALID = "SCORE_NOT_A_NUMBER", "LEVEL_INVALID"
"""Codes of rules that the reader of a file may have applied before."""
KNOWN_YEARS = range(2000, 2100)


def parsed_columns() -> list[str]:
    """The row's own values, typed; null where a value is not written as its type is."""
    first = "try_cast(substring($schooljaar, 1, 4) as int)"
    is_known = f"{first} between {KNOWN_YEARS[0]} and {KNOWN_YEARS[-1]}"
    as_written = f"concat(string({first}), '-', string({first} + 1))"
    return _columns(
        pgn=normalise_pgn_sql("$pgn"),
        afnamedatum=_date("afnamedatum"),
        geboortedatum=_date("geboortedatum"),
        vaardigheidsscore=f"""
            case when $vaardigheidsscore rlike r'{NUMBER_FORM}'
                 then try_cast(replace($vaardigheidsscore, ',', '.') as {SCORE_TYPE.simpleString()}) end""",
        ruwe_score=f"case when $ruwe_score rlike r'{WHOLE_FORM}' then try_cast($ruwe_score as int) end",
        _year=f"case when {is_known} and $schooljaar = {as_written} then {first} end",
    )


def derived_columns() -> list[str]:
    """What follows from parsed values: remainder of the elfproef, whether the number was mended, site, moment."""
    moment = f"""coalesce(
        _test_moment,
        {CODE_LISTS["afnameperiode"].canonical_sql("$afnameperiode")},
        case when month(afnamedatum) >= 8 then 'B' when month(afnamedatum) <= 3 then 'M'
             when afnamedatum is not null then 'E' end)"""
    return _columns(
        _remainder=elfproef_remainder_sql("pgn"),
        _mended=f"coalesce(pgn != $pgn and not {is_plain_pgn_sql('$pgn')}, false)",  # no pattern for equal ones
        _partial=f"geboortedatum is null and coalesce($geboortedatum rlike r'{PARTIAL_DATE_FORM}', false)",
        vestiging=f"coalesce($vestiging, '{MAIN_SITE}')",
        afnameperiode=moment,
        _within="afnamedatum between make_date(_year, 8, 1) and make_date(_year + 1, 7, 31)",
    )


def code_columns() -> list[str]:
    """Each coded value in its canonical spelling."""
    return _columns(**{CODE_OR_NOTHING[name]: one.canonical_sql(f"${name}") for name, one in CODE_LISTS.items()})


def concluding_columns() -> list[str]:
    """What follows from derived values: the kind of pupil number, and the day that the result counts as (`peildag`)."""
    first = " ".join(
        f"when '{name}' then make_date(_year + {later}, {begins}, 1)" for name, (later, begins) in MOMENT_STARTS.items()
    )
    return _columns(
        pgn_soort=pgn_kind_sql("pgn", "_remainder"),
        peildag=f"coalesce(case when _within then afnamedatum end, case afnameperiode {first} end)",
    )


def rule_columns(today: dt.date, warned_codes: Collection[str]) -> list[str]:
    """Every rule of a single row that refuses: null, or its code. The reason of the reader stands first.

    A condition on a missing value is null, and so breaks no rule.

    Args:
        today: the day of intake.
        warned_codes: codes of rules that warn and do not refuse.
    """
    refusing = [
        [f"case when {is_broken} then '{code}' end" for code, is_broken in rules.items() if code not in warned_codes]
        for rules in (_rules_on_school(), _rules_on_result(today))
    ]
    return [READER_REASON, *map(_filled, (*refusing[0], _rule_on_pupil_number(), *refusing[1]))]


def _rules_on_school() -> dict[str, str]:
    return {
        "BRIN_INVALID": f"_listed is null and not coalesce($brin rlike r'{BRIN_FORM}', false)",
        "BRIN_UNKNOWN": f"_listed is null and $brin rlike r'{BRIN_FORM}'",
        "VESTIGING_INVALID": rf"$vestiging != '{MAIN_SITE}' and not $vestiging rlike r'^[0-9]{{2}}\z'",
        "YEAR_INVALID": "_year is null",
    }


def _rules_on_result(today: dt.date) -> dict[str, str]:
    this_year = today.year if today.month >= 8 else today.year - 1
    unlisted = {name: f"(${name} is not null and {code} is null)" for name, code in CODE_OR_NOTHING.items()}
    scores = {name: CANONICAL_CODE.get(name, name) for name in SCORE_COLUMNS}
    wrong = {n: f"({score} is null and not ${n} rlike r'{SENTINELS}')" for n, score in scores.items()}
    missing = (f"{score} is null and coalesce(${n} rlike r'{SENTINELS}', true)" for n, score in scores.items())
    moment = CANONICAL_CODE["afnameperiode"]
    no_number, no_level = _unless_reader_said(SCORE_NOT_A_NUMBER), _unless_reader_said(LEVEL_INVALID)
    return {
        "TEST_UNKNOWN": "domein is null",
        "DATE_INVALID": "$afnamedatum is not null and afnamedatum is null or "
        f"$geboortedatum is not null and geboortedatum is null and not {PARTIAL}",
        DATE_OUTSIDE_YEAR: "not _within",
        "DATE_IN_FUTURE": f"afnamedatum > date'{today}' or _year > {this_year}",
        "BIRTH_DATE_IMPLAUSIBLE": "not _year - year(geboortedatum) between 3 and 21",
        "MOMENT_MISSING": "$afnamedatum is null and $afnameperiode is null",
        "MOMENT_INVALID": f"$afnameperiode is not null and not coalesce({moment} = afnameperiode, false)",
        "YEAR_GROUP_INVALID": unlisted["jaargroep"],
        "SEX_INVALID": unlisted["geslacht"],
        "ATTRIBUTE_INVALID": " or ".join(unlisted[name] for name in PUPIL_ATTRIBUTES),
        "SCORE_MISSING": " and ".join(missing),
        SCORE_NOT_A_NUMBER: f"({wrong['vaardigheidsscore']} or {wrong['ruwe_score']}) and {no_number}",
        "SCORE_OUT_OF_RANGE": "not vaardigheidsscore between _lowest and _highest",
        LEVEL_INVALID: f"({wrong['niveau_AE']} or {wrong['niveau_IV']}) and {no_level}",
    }


def _rule_on_pupil_number() -> str:
    """Why a row has no pupil number: one code, or null."""
    digits, fillers = strip_ignored_sql("$pgn"), _quoted(PLACEHOLDER_NUMBERS)
    roster_codes, rounded = _quoted(ROSTER_CODES), ROUNDED_PGN_PATTERN
    return f"""
        case when $pgn is null
                  then case when not coalesce({READER_REASON} in ({roster_codes}), false) then 'PGN_MISSING' end
             when pgn_soort is null
                  then case when coalesce(pgn, lpad({digits}, 9, '0')) in ({fillers}) then 'PGN_FILLER'
                            when pgn is null and {digits} rlike r'^{rounded}\\z' then 'PGN_ROUNDED'
                            else 'PGN_INVALID' end end"""


def is_no_result() -> str:
    """SQL: whether a line is no result at all, because it names no pupil, no school and no test."""
    names_school = f"coalesce($brin rlike r'{BRIN_FORM}', false)"
    nothing = " and ".join(f"{name} is null" for name in ("pgn", "_listed", "domein", READER_REASON))
    return _filled(f"{nothing} and not {names_school}")


def _date(name: str) -> str:
    """SQL: a date in the canonical form, `2025-01-24`, or with a time.

    Spark's cast alone would take `45672` for a year, and accepts a year 0. A pattern would cost half as much again.
    """
    dashed = " and ".join(f"substring(${name}, {place}, 1) = '-'" for place in (5, 8))
    timed = rf"${name} rlike r'^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}{TIME_OF_DAY}\z'"
    return f"""
        try_cast(case when startswith(${name}, '0000') then null
                      when octet_length(${name}) = 10 and {dashed} then ${name}
                      when {timed} then substring(${name}, 1, 10) end as date)"""


def _unless_reader_said(code: str) -> str:
    return f"not ({READER_REASON} <=> '{code}')"


def _quoted(values: Iterable[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _columns(**named: str) -> list[str]:
    return [f"{_filled(text)} as {name}" for name, text in named.items()]


def _filled(text: str) -> str:
    """A condition or a value with each `$name` replaced by the value as delivered."""
    return Template(text).substitute(DELIVERED_VALUE)
