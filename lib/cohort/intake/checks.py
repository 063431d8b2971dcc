"""What one row of a delivery is held to: the code lists, the forms of values, and every rule, as SQL.

A rule never corrects a value. What several rules need is a column of its own, made below them (`parsed`, then
`derived`): Spark evaluates it once per row. No function takes a lambda: its arguments would be interpreted,
not compiled. SQL crosses to the JVM once, a column once for every part of it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from string import Template

from cohort import identifiers
from cohort.schema import CANONICAL, GIVEN, SCORE, SCORES

CELLS = "_cells"
MENDED = "_mended"
CELL = {name: f"get({CELLS}, {place})" for place, name in enumerate(CANONICAL)}
"""Every value as delivered. All of a row's stand in one array: a row is copied from step to step."""
GEWICHT = ("000", "025", "030", "040", "070", "090", "120")
CODE_LISTS = {
    "gewicht": ("?", "0", "0,3", "0.3", "1,2", "1.2", *(f"{n[0]}{p}{n[1:]}" for n in GEWICHT for p in ",.")),
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
SENTINELS = r"(?i)^(9{4,}([.,]0+)?|[-–—]+|0000+|n\.?v\.?t\.?|onbekend|#[a-z_/]+0?[!?]?|#+|err:[0-9]{3})\z"
"""What administrations write where they have no score, and spreadsheets where a formula failed
(`#N/A`, `#DEEL/0!`, `Err:502`): read as empty."""
NUMBER_FORM = r"^(?!9{4,}(,0+)?\z|0000+\z)[0-9]{1,5}(,[0-9]{1,2})?\z"
WHOLE_FORM = r"^(?!9{4,}\z|0000+\z)[0-9]{1,5}\z"
BRIN_FORM = f"^{identifiers.BRIN.pattern}\\z"
MOMENTS = {"B": (0, 8), "M": (1, 1), "E": (1, 4)}
"""A moment begins in the first or second calendar year of the school year, on the first of that month."""
OUTSIDE = "DATE_OUTSIDE_YEAR"
BROKEN, HEADER, NO_RESULT = "ROW_BROKEN", "HEADER_REPEATED", "NO_RESULT"
"""The one code of a line that is no row: its values stand nobody knows where, it is the header again, or it
says nothing of a pupil, a school or a test (a total, a remark)."""
NO_ROW = f"'{BROKEN}', '{HEADER}', '{NO_RESULT}'"
"""The three as a list in SQL."""
JOINED = ("PUPIL_NOT_IN_ROSTER", "PUPIL_AMBIGUOUS")
"""Codes of a reader that says itself why a row has no pupil number."""
NOT_A_NUMBER, LEVEL = "SCORE_NOT_A_NUMBER", "LEVEL_INVALID"
"""Codes of rules that a reader may have found broken before."""
YEARS = range(2000, 2100)


def parsed() -> list[str]:
    """What the rules need of a row's own values, typed; null where it is not written as one of its kind."""
    first = "try_cast(substring($schooljaar, 1, 4) as int)"
    known = f"{first} between {YEARS[0]} and {YEARS[-1]}"
    written = f"concat(string({first}), '-', string({first} + 1))"
    return _columns(
        _bare=identifiers.bare("$pgn"),
        pgn=identifiers.normal("$pgn"),
        afnamedatum=_date("afnamedatum"),
        geboortedatum=_date("geboortedatum"),
        vaardigheidsscore=f"""
            case when $vaardigheidsscore rlike r'{NUMBER_FORM}'
                 then try_cast(replace($vaardigheidsscore, ',', '.') as {SCORE.simpleString()}) end""",
        ruwe_score=f"case when $ruwe_score rlike r'{WHOLE_FORM}' then try_cast($ruwe_score as int) end",
        niveau_AE=f"case when {_listed('niveau_AE')} then $niveau_AE end",
        niveau_IV=f"case when $niveau_IV = 'I+' then 'I' when {_listed('niveau_IV')} then $niveau_IV end",
        _year=f"case when {known} and $schooljaar = {written} then {first} end",
    )


def derived() -> list[str]:
    """What follows from what was parsed: what the proof of a number leaves, its mending, site, moment."""
    moment = f"""coalesce(
        _test_moment,
        case when $afnameperiode in ({_quoted(MOMENTS)}) then $afnameperiode end,
        case when month(afnamedatum) >= 8 then 'B' when month(afnamedatum) <= 3 then 'M'
             when afnamedatum is not null then 'E' end)"""
    return _columns(
        _remainder=identifiers.remainder("pgn"),
        _mended="length(_bare) = 8",
        vestiging="coalesce($vestiging, '00')",
        afnameperiode=moment,
        _within="afnamedatum between make_date(_year, 8, 1) and make_date(_year + 1, 7, 31)",
    )


def concluded() -> list[str]:
    """What follows from what was derived: the kind of number, the day that the result counts as."""
    first = " ".join(
        f"when '{name}' then make_date(_year + {later}, {begins}, 1)"
        for name, (later, begins) in MOMENTS.items()
    )
    return _columns(
        pgn_soort=identifiers.kind("pgn", "_remainder"),
        peildag=f"coalesce(case when _within then afnamedatum end, case afnameperiode {first} end)",
    )


def rules(today: dt.date, told: Collection[str]) -> list[str]:
    """Every rule but those that are only told: null, or its code.

    A condition on what is not there is null, and so no finding. What a reader said of a row stands first, and
    is not said twice.
    """
    this_year = today.year if today.month >= 8 else today.year - 1
    filler = f"lpad(_bare, 9, '0') in ({_quoted(identifiers.FILLERS)})"
    unlisted = {name: f"not {_listed(name)}" for name in CODE_LISTS}
    attribute = " or ".join(unlisted[name] for name in OF_THE_PUPIL)
    day = " or ".join(f"${n} is not null and {n} is null" for n in DATES)
    wrong = {n: f"({n} is null and not ${n} rlike r'{SENTINELS}')" for n in SCORES}
    missing = " and ".join(f"{n} is null and coalesce(${n} rlike r'{SENTINELS}', true)" for n in SCORES)
    rules = {
        "BRIN_INVALID": f"_listed is null and not coalesce($brin rlike r'{BRIN_FORM}', false)",
        "BRIN_UNKNOWN": f"_listed is null and $brin rlike r'{BRIN_FORM}'",
        "VESTIGING_INVALID": r"not $vestiging rlike r'^[0-9]{2}\z'",
        "YEAR_INVALID": "_year is null",
        "PGN_MISSING": f"$pgn is null and not coalesce({GIVEN} in ({_quoted(JOINED)}), false)",
        "PGN_FILLER": f"pgn_soort is null and {filler}",
        "PGN_INVALID": f"pgn_soort is null and not {filler}",
        "TEST_UNKNOWN": "domein is null",
        "DATE_INVALID": day,
        OUTSIDE: "not _within",
        "DATE_IN_FUTURE": f"afnamedatum > date'{today}' or _year > {this_year}",
        "BIRTH_DATE_IMPLAUSIBLE": "not _year - year(geboortedatum) between 3 and 21",
        "MOMENT_MISSING": "$afnamedatum is null and $afnameperiode is null",
        "MOMENT_INVALID": "$afnameperiode is not null and not ($afnameperiode <=> afnameperiode)",
        "YEAR_GROUP_INVALID": unlisted["jaargroep"],
        "SEX_INVALID": unlisted["geslacht"],
        "ATTRIBUTE_INVALID": f"{attribute} or not $postcode4 rlike r'{POSTCODE4}'",
        "SCORE_MISSING": missing,
        NOT_A_NUMBER: f"({wrong['vaardigheidsscore']} or {wrong['ruwe_score']}) and {_unsaid(NOT_A_NUMBER)}",
        "SCORE_OUT_OF_RANGE": "not vaardigheidsscore between _lowest and _highest",
        LEVEL: f"({wrong['niveau_AE']} or {wrong['niveau_IV']}) and {_unsaid(LEVEL)}",
    }
    refusing = ((code, broken) for code, broken in rules.items() if code not in told)
    return [GIVEN, *(_filled(f"case when {broken} then '{code}' end") for code, broken in refusing)]


def says_nothing() -> str:
    """As SQL, whether a line is no result at all: it names no pupil, no school and no test."""
    names_school = f"coalesce($brin rlike r'{BRIN_FORM}', false)"
    nothing = " and ".join(f"{name} is null" for name in ("pgn", "_listed", "domein", GIVEN))
    return _filled(f"{nothing} and not {names_school}")


def _date(name: str) -> str:
    """A date in the one way of writing it, `2025-01-24`; of itself Spark takes `45672` for a year.

    As a pattern it would cost half as much again.
    """
    dashed = " and ".join(f"substring(${name}, {place}, 1) = '-'" for place in (5, 8))
    return f"case when octet_length(${name}) = 10 and {dashed} then try_cast(${name} as date) end"


def _unsaid(code: str) -> str:
    return f"not ({GIVEN} <=> '{code}')"


def _listed(name: str) -> str:
    """Whether a value is one of its list's."""
    return f"${name} in ({_quoted(CODE_LISTS[name])})"


def _quoted(values: Iterable[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _columns(**named: str) -> list[str]:
    return [f"{_filled(text)} as {name}" for name, text in named.items()]


def _filled(text: str) -> str:
    """A condition or a value; `$name` stands in it for a value as delivered."""
    return Template(text).substitute(CELL)
