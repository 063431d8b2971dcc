"""What the codes of the data are called in words: scores, attributes, domains, limits, intruders, counts, states.

Each table maps a code to an English message id, which the catalogues translate. A code without an entry is shown
as it is, without underscores (`name_of_code`).
"""

from __future__ import annotations

from collections.abc import Mapping

from cohort.pages.languages import PageLanguage, gettext_noop

SCORE_NAMES = {
    "vaardigheidsscore": gettext_noop("ability score"),
    "ruwe_score": gettext_noop("raw score"),
    "niveau_AE": gettext_noop("level A-E"),
    "niveau_IV": gettext_noop("level I-V"),
}
ATTRIBUTE_NAMES = {
    "geslacht": gettext_noop("sex"),
    "jaargroep": gettext_noop("year group"),
    "gewicht": gettext_noop("pupil weight"),
    "thuistaal": gettext_noop("language at home"),
    "opleiding_ouders": gettext_noop("parents' education"),
    "ses": gettext_noop("socio-economic status"),
    "combinatiegroep": gettext_noop("combined class"),
    "schooltype": gettext_noop("type of school"),
    "postcode4": gettext_noop("postal code area"),
}
BIRTH_PERIOD_NAMES = {
    "cohort": gettext_noop("cohort"),
    "quarter": gettext_noop("quarter"),
    "year": gettext_noop("year"),
}
"""What is shown of a date of birth."""
DOMAIN_NAMES = {
    "rekenen": gettext_noop("mathematics"),
    "begrijpend_lezen": gettext_noop("reading comprehension"),
    "technisch_lezen": gettext_noop("decoding"),
    "spelling": gettext_noop("spelling"),
    "woordenschat": gettext_noop("vocabulary"),
    "taalverzorging": gettext_noop("language"),
    "sociaal_emotioneel": gettext_noop("social-emotional development"),
}
MOMENT_NAMES = {
    "B": gettext_noop("start of %(year)s"),
    "M": gettext_noop("middle of %(year)s"),
    "E": gettext_noop("end of %(year)s"),
}
"""The test moments of a school year."""
LIMIT_NAMES = {
    "k": gettext_noop("fewest pupils"),
    "m": gettext_noop("fewest schools"),
    "max_share": gettext_noop("largest share of one school"),
    "k_others": gettext_noop("fewest pupils without the largest school"),
    "largest_value": gettext_noop("largest share of one value"),
    "distinct": gettext_noop("fewest different values"),
    "entropy": gettext_noop("spread of the values, as of so many"),
    "equal_closeness": gettext_noop("largest distance from all pupils"),
    "ordered_closeness": gettext_noop("largest distance from all pupils, in order"),
}
"""The limits that every equivalence class satisfies."""
LIMIT_NAMES_WITH_BOARDS = LIMIT_NAMES | {
    "m": gettext_noop("fewest schools, and school boards"),
    "max_share": gettext_noop("largest share of one school or one school board"),
    "k_others": gettext_noop("fewest pupils without the largest school or the largest school board"),
}
"""The same limits in a release in which they hold for school boards as well."""
INTRUDER_NAMES = {
    "stranger": gettext_noop("everything that is shown of the pupil"),
    "knows_1_other": gettext_noop("that of one other of the group as well"),
    "knows_2_others": gettext_noop("that of two others of the group as well"),
    "knows_3_others": gettext_noop("that of three others of the group as well"),
    "school": gettext_noop("as a school: all of its own pupils (the pupil is at another school)"),
    "board": gettext_noop(
        "as a school board: all pupils of all of its schools (the pupil is at a school of another board)"
    ),
}
"""What each kind of intruder knows who looks for the row of a pupil."""
COUNT_NAMES = {
    "pupils_records": gettext_noop("in the selection"),
    "pupils_released": gettext_noop("in the release"),
    "pupils_suppressed": gettext_noop("left out: not enough equals"),
    "pupils_objected": gettext_noop("left out: an objection"),
    "pupils_without_instruction": gettext_noop("left out: the school gave no instruction"),
    "pupils_withdrawn": gettext_noop("withdrawn to protect those who objected later"),
    "pupils_set_aside": gettext_noop("set aside: results of two schools"),
}
"""The counts of pupils in a record, in the order in which a page lists them."""
PROJECT_STATE_NAMES = {
    "published": gettext_noop("in use"),
    "prepared": gettext_noop("being prepared, nothing released yet"),
    "ending": gettext_noop("no longer readable, being destroyed"),
    "destroyed": gettext_noop("destroyed"),
}
"""The states of a project, in the order in which the index lists them."""
RELEASE_STATE_NAMES = {
    "PUBLISHED": gettext_noop("readable by the researchers"),
    "SUPERSEDED": gettext_noop("replaced and removed"),
    "DESTROYED": gettext_noop("destroyed"),
}
SCHOOL_USE_STATE_NAMES = PROJECT_STATE_NAMES | {"no_longer": gettext_noop("no longer in use")}
"""The states of a project as the page of a school says them."""
RELEASE_CLASS_NAMES = {
    "anonymous": gettext_noop("anonymous"),
    "pseudonymous": gettext_noop("pseudonymised: these are personal data"),
}
RELEASE_CLASS_MEANINGS = {
    "anonymous": gettext_noop(
        "Anonymous: nobody can say with certainty which row is of a pupil, a teacher or a school. Each "
        "pupil is one of a group of others who look exactly the same. How great the chance of a right "
        "guess is, depends on what somebody knows already."
    ),
    "pseudonymous": gettext_noop(
        "Pseudonymised: pupils and schools have a keyed code instead of a number. These are personal "
        "data. They are there only of schools that gave an instruction for it themselves."
    ),
}
"""What anonymous and pseudonymous mean, for the reader of a page."""


def name_of_code(names: Mapping[str, str], code: str, language: PageLanguage, **values: object) -> str:
    """The name of a code in a language; a code without one is shown as it is, without underscores."""
    return language.gettext(names[code], **values) if code in names else code.replace("_", " ")
