"""The words of the data, in Dutch and in English: what columns, rules and counts are called."""

from __future__ import annotations

from cohort.transparency.wording import LANGUAGES

Terms = dict[str, tuple[str, str]]

SCORES: Terms = {
    "vaardigheidsscore": ("vaardigheidsscore", "ability score"),
    "ruwe_score": ("ruwe score", "raw score"),
    "niveau_AE": ("niveau A-E", "level A-E"),
    "niveau_IV": ("niveau I-V", "level I-V"),
}
ATTRIBUTES: Terms = {
    "geslacht": ("geslacht", "sex"),
    "jaargroep": ("jaargroep", "year group"),
    "gewicht": ("leerlinggewicht", "pupil weight"),
    "thuistaal": ("taal thuis", "language at home"),
    "opleiding_ouders": ("opleiding van de ouders", "parents' education"),
    "ses": ("sociaal-economische status", "socio-economic status"),
    "combinatiegroep": ("combinatiegroep", "combined class"),
    "schooltype": ("schooltype", "type of school"),
    "postcode4": ("postcodegebied", "postal code area"),
}
BORN: Terms = {"cohort": ("cohort", "cohort"), "quarter": ("kwartaal", "quarter"), "year": ("jaar", "year")}
DOMAINS: Terms = {
    "rekenen": ("rekenen", "mathematics"),
    "begrijpend_lezen": ("begrijpend lezen", "reading comprehension"),
    "technisch_lezen": ("technisch lezen", "decoding"),
    "spelling": ("spelling", "spelling"),
    "woordenschat": ("woordenschat", "vocabulary"),
    "taalverzorging": ("taalverzorging", "language"),
    "sociaal_emotioneel": ("sociaal-emotionele ontwikkeling", "social-emotional development"),
}
LIMITS: Terms = {
    "k": ("minste aantal leerlingen", "fewest pupils"),
    "m": ("minste aantal scholen", "fewest schools"),
    "max_share": ("grootste deel van één school", "largest share of one school"),
    "k_others": ("minste aantal zonder de grootste school", "fewest pupils without the largest school"),
    "largest_value": ("grootste deel van één waarde", "largest share of one value"),
    "distinct": ("minste aantal verschillende waarden", "fewest different values"),
    "entropy": ("spreiding van de waarden, als van zo veel", "spread of the values, as of so many"),
    "equal_closeness": ("grootste afstand tot alle leerlingen", "largest distance from all pupils"),
    "ordered_closeness": (
        "grootste afstand tot alle leerlingen, op volgorde",
        "largest distance from all pupils, in order",
    ),
}
"""What each class is held to, by the name of its limit."""
OF_BOARDS: Terms = {
    "m": ("minste aantal scholen, en schoolbesturen", "fewest schools, and school boards"),
    "max_share": (
        "grootste deel van één school of één schoolbestuur",
        "largest share of one school or one school board",
    ),
    "k_others": (
        "minste aantal zonder de grootste school of het grootste schoolbestuur",
        "fewest pupils without the largest school or the largest school board",
    ),
}
"""The same of a release in which boards are held to the limits of schools."""
INTRUDERS: Terms = {
    "stranger": ("alles wat er van de leerling te zien is", "everything that is shown of the pupil"),
    "knows_1_other": ("dat ook van één ander uit de groep", "that of one other of the group as well"),
    "knows_2_others": ("dat ook van twee anderen uit de groep", "that of two others of the group as well"),
    "knows_3_others": ("dat ook van drie anderen uit de groep", "that of three others of the group as well"),
    "school": (
        "als school: al haar eigen leerlingen (de leerling zit op een andere school)",
        "as a school: all of its own pupils (the pupil is at another school)",
    ),
    "board": (
        "als schoolbestuur: alle leerlingen van al zijn scholen (de leerling zit op een school van een ander bestuur)",
        "as a school board: all pupils of all of its schools (the pupil is at a school of another board)",
    ),
}
"""What somebody knows who looks for a pupil's record."""
COUNTS: Terms = {
    "pupils_records": ("in de selectie", "in the selection"),
    "pupils_released": ("in de publicatie", "in the release"),
    "pupils_suppressed": ("weggelaten: niet genoeg gelijken", "left out: not enough equals"),
    "pupils_objected": ("weggelaten: bezwaar", "left out: an objection"),
    "pupils_without_instruction": (
        "weggelaten: de school gaf geen opdracht",
        "left out: the school gave no instruction",
    ),
    "pupils_withdrawn": (
        "teruggetrokken om wie later bezwaar maakte te beschermen",
        "withdrawn to protect those who objected later",
    ),
    "pupils_set_aside": ("buiten beschouwing: resultaten van twee scholen", "set aside: results of two schools"),
}
"""What became of the pupils, in the order told."""


def term(terms: Terms, key: str, language: str) -> str:
    """A word of the data in a language; one that is not known here stays as it is, without underscores."""
    known = terms.get(key)
    return known[LANGUAGES.index(language)] if known is not None else key.replace("_", " ")
