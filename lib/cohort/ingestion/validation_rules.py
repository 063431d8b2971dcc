"""What one row of a delivery is held to: the forms of values, and every rule, as SQL.

A rule never corrects a value; of a coded column every accepted spelling is the same value, and is written as
its code. What several rules need is a column of its own, made below them (`parsed`, then
`derived`): Spark evaluates it once per row. No function takes a lambda: its arguments would be interpreted,
not compiled. SQL crosses to the JVM once, a column once for every part of it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from string import Template

from cohort.delivery_formats.row_reason_codes import ROW_BROKEN
from cohort.foundation import identifiers
from cohort.foundation.code_lists import CODE_LISTS, NO_VALUE
from cohort.states.schemas import CANONICAL_COLUMNS, READER_REASON, SCORE_COLUMNS, SCORE_TYPE

DELIVERED_VALUES = "_cells"
MENDED, PARTIAL = "_mended", "_partial"
DELIVERED_VALUE = {name: f"get({DELIVERED_VALUES}, {place})" for place, name in enumerate(CANONICAL_COLUMNS)}
"""Every value as delivered. All of a row's stand in one array: a row is copied from step to step."""
CODE_OR_NOTHING = {name: f"_{name}" for name in CODE_LISTS}
"""Every coded value in its canonical spelling: `''` where it stands for nothing, null where it is none."""
CANONICAL_CODE = {
    name: f"nullif({read}, '{NO_VALUE}')" if NO_VALUE in CODE_LISTS[name].spellings.values() else read
    for name, read in CODE_OR_NOTHING.items()
}
"""The same; null where it stands for nothing as well."""
PUPIL_ATTRIBUTES = ("gewicht", "postcode4", "thuistaal", "opleiding_ouders", "ses", "combinatiegroep", "schooltype")
SENTINELS = r"(?i)^(9{4,}([.,]0+)?|[-–—]+|0000+|n\.?v\.?t\.?|onbekend|#[a-z_/]+0?[!?]?|#+|err:[0-9]{3})\z"
"""What administrations write where they have no score, and spreadsheets where a formula failed
(`#N/A`, `#DEEL/0!`, `Err:502`): read as empty."""
NUMBER_FORM = r"^(?!9{4,}(,0+)?\z|0000+\z)[0-9]{1,5}(,[0-9]{1,2})?\z"
WHOLE_FORM = r"^(?!9{4,}\z|0000+\z)[0-9]{1,5}\z"
BRIN_FORM = f"^{identifiers.BRIN_PATTERN.pattern}\\z"
MOMENT_STARTS = {"B": (0, 8), "M": (1, 1), "E": (1, 4)}
"""A moment begins in the first or second calendar year of the school year, on the first of that month."""
TIME_OF_DAY = r"[T ](?:[01]?[0-9]|2[01]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]+)?)?(?:Z|\+0[0-2]:?00)?"
"""A time behind a day that leaves it that day, in the time of the Netherlands too: before 22 hours."""
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
"""The one code of a line that is no row: its values stand nobody knows where, it is the header again, or it
says nothing of a pupil, a school or a test (a total, a remark)."""
UNREADABLE_LINE_CODES = f"'{ROW_BROKEN}', '{HEADER_REPEATED}', '{NO_RESULT}'"
"""The three as a list in SQL."""
ROSTER_CODES = ("PUPIL_NOT_IN_ROSTER", "PUPIL_AMBIGUOUS")
"""Codes of a reader that says itself why a row has no pupil number."""
SCORE_NOT_A_NUMBER, LEVEL_INVALID = "SCORE_NOT_A_NUMBER", "LEVEL_INVALID"
"""Codes of rules that a reader may have found broken before."""
KNOWN_YEARS = range(2000, 2100)


def parsed_columns() -> list[str]:
    """What the rules need of a row's own values, typed; null where it is not written as one of its kind."""
    first = "try_cast(substring($schooljaar, 1, 4) as int)"
    known = f"{first} between {KNOWN_YEARS[0]} and {KNOWN_YEARS[-1]}"
    written = f"concat(string({first}), '-', string({first} + 1))"
    return _columns(
        pgn=identifiers.normalise_pgn_sql("$pgn"),
        afnamedatum=_date("afnamedatum"),
        geboortedatum=_date("geboortedatum"),
        vaardigheidsscore=f"""
            case when $vaardigheidsscore rlike r'{NUMBER_FORM}'
                 then try_cast(replace($vaardigheidsscore, ',', '.') as {SCORE_TYPE.simpleString()}) end""",
        ruwe_score=f"case when $ruwe_score rlike r'{WHOLE_FORM}' then try_cast($ruwe_score as int) end",
        _year=f"case when {known} and $schooljaar = {written} then {first} end",
    )


def derived_columns() -> list[str]:
    """What follows from what was parsed: what the proof of a number leaves, its mending, site, moment."""
    moment = f"""coalesce(
        _test_moment,
        {CODE_LISTS["afnameperiode"].canonical_sql("$afnameperiode")},
        case when month(afnamedatum) >= 8 then 'B' when month(afnamedatum) <= 3 then 'M'
             when afnamedatum is not null then 'E' end)"""
    return _columns(
        _remainder=identifiers.elfproef_remainder_sql("pgn"),
        _mended=f"pgn is not null and not {identifiers.is_plain_pgn_sql('$pgn')}",
        _partial=f"geboortedatum is null and coalesce($geboortedatum rlike r'{PARTIAL_DATE_FORM}', false)",
        vestiging="coalesce($vestiging, '00')",
        afnameperiode=moment,
        _within="afnamedatum between make_date(_year, 8, 1) and make_date(_year + 1, 7, 31)",
    )


def code_columns() -> list[str]:
    """Every coded value in its canonical spelling."""
    return _columns(**{CODE_OR_NOTHING[name]: one.canonical_sql(f"${name}") for name, one in CODE_LISTS.items()})


def concluding_columns() -> list[str]:
    """What follows from what was derived: the kind of number, the day that the result counts as."""
    first = " ".join(
        f"when '{name}' then make_date(_year + {later}, {begins}, 1)" for name, (later, begins) in MOMENT_STARTS.items()
    )
    return _columns(
        pgn_soort=identifiers.pgn_kind_sql("pgn", "_remainder"),
        peildag=f"coalesce(case when _within then afnamedatum end, case afnameperiode {first} end)",
    )


def rule_columns(today: dt.date, told: Collection[str]) -> list[str]:
    """Every rule but those that are only told: null, or its code.

    A condition on what is not there is null, and so no finding. What a reader said of a row stands first, and
    is not said twice.
    """
    this_year = today.year if today.month >= 8 else today.year - 1
    unlisted = {name: f"(${name} is not null and {read} is null)" for name, read in CODE_OR_NOTHING.items()}
    attribute = " or ".join(unlisted[name] for name in PUPIL_ATTRIBUTES)
    scores = {name: CANONICAL_CODE.get(name, name) for name in SCORE_COLUMNS}
    wrong = {n: f"({is_} is null and not ${n} rlike r'{SENTINELS}')" for n, is_ in scores.items()}
    none = (f"{is_} is null and coalesce(${n} rlike r'{SENTINELS}', true)" for n, is_ in scores.items())
    of_place = {
        "BRIN_INVALID": f"_listed is null and not coalesce($brin rlike r'{BRIN_FORM}', false)",
        "BRIN_UNKNOWN": f"_listed is null and $brin rlike r'{BRIN_FORM}'",
        "VESTIGING_INVALID": r"not $vestiging rlike r'^[0-9]{2}\z'",
        "YEAR_INVALID": "_year is null",
    }
    of_result = {
        "TEST_UNKNOWN": "domein is null",
        "DATE_INVALID": "$afnamedatum is not null and afnamedatum is null or "
        f"$geboortedatum is not null and geboortedatum is null and not {PARTIAL}",
        DATE_OUTSIDE_YEAR: "not _within",
        "DATE_IN_FUTURE": f"afnamedatum > date'{today}' or _year > {this_year}",
        "BIRTH_DATE_IMPLAUSIBLE": "not _year - year(geboortedatum) between 3 and 21",
        "MOMENT_MISSING": "$afnamedatum is null and $afnameperiode is null",
        "MOMENT_INVALID": "$afnameperiode is not null and "
        f"not coalesce({CANONICAL_CODE['afnameperiode']} = afnameperiode, false)",
        "YEAR_GROUP_INVALID": unlisted["jaargroep"],
        "SEX_INVALID": unlisted["geslacht"],
        "ATTRIBUTE_INVALID": attribute,
        "SCORE_MISSING": " and ".join(none),
        SCORE_NOT_A_NUMBER: f"({wrong['vaardigheidsscore']} or {wrong['ruwe_score']}) and {_unsaid(SCORE_NOT_A_NUMBER)}",
        "SCORE_OUT_OF_RANGE": "not vaardigheidsscore between _lowest and _highest",
        LEVEL_INVALID: f"({wrong['niveau_AE']} or {wrong['niveau_IV']}) and {_unsaid(LEVEL_INVALID)}",
    }
    refusing = [
        [f"case when {broken} then '{code}' end" for code, broken in some.items() if code not in told]
        for some in (of_place, of_result)
    ]
    return [READER_REASON, *map(_filled, (*refusing[0], _of_number(), *refusing[1]))]


def _of_number() -> str:
    """Why a row has no number of a pupil: one code, or null."""
    bare, fillers = identifiers.strip_ignored_sql("$pgn"), _quoted(identifiers.PLACEHOLDER_NUMBERS)
    return f"""
        case when $pgn is null
                  then case when not coalesce({READER_REASON} in ({_quoted(ROSTER_CODES)}), false) then 'PGN_MISSING' end
             when pgn_soort is null
                  then case when coalesce(pgn, lpad({bare}, 9, '0')) in ({fillers}) then 'PGN_FILLER'
                            when pgn is null and {bare} rlike r'^{identifiers.ROUNDED_PGN_PATTERN}\\z' then 'PGN_ROUNDED'
                            else 'PGN_INVALID' end end"""


def is_no_result() -> str:
    """As SQL, whether a line is no result at all: it names no pupil, no school and no test."""
    names_school = f"coalesce($brin rlike r'{BRIN_FORM}', false)"
    nothing = " and ".join(f"{name} is null" for name in ("pgn", "_listed", "domein", READER_REASON))
    return _filled(f"{nothing} and not {names_school}")


def _date(name: str) -> str:
    """A date in the one way of writing it, `2025-01-24`, or with a time; of itself Spark takes `45672` for a
    year, and knows a year 0.

    As a pattern it would cost half as much again.
    """
    dashed = " and ".join(f"substring(${name}, {place}, 1) = '-'" for place in (5, 8))
    timed = rf"${name} rlike r'^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}{TIME_OF_DAY}\z'"
    return f"""
        try_cast(case when startswith(${name}, '0000') then null
                      when octet_length(${name}) = 10 and {dashed} then ${name}
                      when {timed} then substring(${name}, 1, 10) end as date)"""


def _unsaid(code: str) -> str:
    return f"not ({READER_REASON} <=> '{code}')"


def _quoted(values: Iterable[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _columns(**named: str) -> list[str]:
    return [f"{_filled(text)} as {name}" for name, text in named.items()]


def _filled(text: str) -> str:
    """A condition or a value; `$name` stands in it for a value as delivered."""
    return Template(text).substitute(DELIVERED_VALUE)
