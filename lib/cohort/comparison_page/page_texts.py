"""Every text of the comparison page, in Dutch and English, and how numbers are written in each.

A text is looked up by its key; `%(name)s` is filled in. The tests hold that both languages have the same keys.
"""

from __future__ import annotations

from dataclasses import dataclass

LANGUAGE_CODES = ("nl", "en")
_LOCALES = {"nl": "nl", "en": "en_GB"}

TEXTS: dict[str, tuple[str, str]] = {
    "language": ("Nederlands", "English"),
    "choose_language": ("Taal", "Language"),
    "title": ("Instellingen vergeleken: %(name)s", "Settings compared: %(name)s"),
    "restricted": (
        "Deze pagina heeft exacte aantallen en is vertrouwelijk: zij blijft binnen de afgeschermde omgeving.",
        "This page has exact counts and is restricted: it stays within the closed environment.",
    ),
    "made": (
        "Gemaakt op %(made)s van %(records)s leerlingen. Er is niets klaargezet of gepubliceerd.",
        "Made on %(made)s of %(records)s pupils. Nothing was staged or published.",
    ),
    "how": ("Zo kiest u", "How to choose"),
    "how_refused": (
        "Laat instellingen vallen die geen uitgifte opleveren (onderaan staat waarom) of te veel leerlingen weglaten.",
        "Drop settings that give no release (the reasons are at the end) or that leave out too many pupils.",
    ),
    "how_risk": (
        "Laat instellingen vallen waarvan de kans van een indringer hoger is dan is afgesproken.",
        "Drop settings under which the chance of an intruder is higher than was agreed.",
    ),
    "how_columns": (
        "Kijk bij de kolommen die de onderzoeksvraag echt nodig heeft hoeveel detail verloren gaat.",
        "Look at the columns that the question really needs: how much of their detail is lost.",
    ),
    "how_mean": (
        "Neem van wat overblijft de instelling met het kleinste gemiddelde verlies; bij bijna gelijk verlies die met "
        "de grootste kleinste klas.",
        "Of what is left take the setting with the smallest mean loss; of nearly equal ones the one with the largest "
        "smallest class.",
    ),
    "how_declare": (
        "Neem haar waarden over in het projectbestand; dit vergelijken verandert niets.",
        "Copy its values to the project file; comparing changes nothing.",
    ),
    "table": ("De instellingen naast elkaar", "The settings side by side"),
    "setting": ("Instelling", "Setting"),
    "recoding": ("Hercodering", "Recoding"),
    "kind_global": ("globaal", "global"),
    "kind_local": ("lokaal", "local"),
    "mean_loss": ("Gemiddeld verlies", "Mean loss"),
    "suppressed": ("Weggelaten", "Left out"),
    "classes": ("Klassen", "Classes"),
    "smallest_class": ("Kleinste klas", "Smallest class"),
    "median_class": ("Middelste leerling in klas van", "Middle pupil in class of"),
    "chance_stranger": ("Kans van een onbekende", "Chance of a stranger"),
    "chance_school": ("Kans van school of bestuur", "Chance of school or board"),
    "seconds": ("Seconden", "Seconds"),
    "no_release": ("geen uitgifte", "no release"),
    "one_in": ("1 op %(number)s", "1 in %(number)s"),
    "loss_note": (
        "Verlies: 0 is exact, 100 % is niets over; van een weggelaten leerling of kolom is alles weg. Het is gemeten "
        "aan de fijnste waarden van alle instellingen, zodat instellingen met andere banden vergelijkbaar zijn. Een "
        "uitgifte meldt het verlies aan haar eigen banden; dat staat in de JSON als loss.",
        "Loss: 0 is exact, 100 % is nothing left; of a pupil or column left out all is lost. It is measured against "
        "the finest values of all settings, so that settings with other bands can be compared. A release reports the "
        "loss against its own bands, which the JSON has as loss.",
    ),
    "proposed": ("Voorgestelde banden", "Proposed bands"),
    "proposed_note": (
        "Ongeveer evenveel leerlingen per band; bij elke grens zitten genoeg leerlingen van genoeg besturen, zodat de "
        "grens openbaar mag zijn. Neem deze regels over in het projectbestand om ze te gebruiken.",
        "About equally many pupils per band; near each boundary are enough pupils of enough boards, so that it may be "
        "public. Copy these lines to the project file to use them.",
    ),
    "loss_picture": ("Verlies per kolom", "Loss per column"),
    "detail_picture": ("Niveau per kolom", "Level per column"),
    "detail_note": (
        "Van donker naar licht: van de fijnste waarden naar de grofste; gearceerd is weggelaten. Bij elk niveau staat "
        "het eerste label ervan.",
        "From dark to light: from the finest values to the coarsest; hatched is left out. The first label of each "
        "level stands beside it.",
    ),
    "suppressed_picture": ("Weggelaten leerlingen", "Pupils left out"),
    "sizes_picture": ("Klassengrootte", "Class sizes"),
    "sizes_note": (
        "Deel van de vrijgegeven leerlingen in klassen van die grootte.",
        "Share of the released pupils in classes of that size.",
    ),
    "risk_picture": ("Hoogste kans om een leerling aan te wijzen", "Highest chance to pick a pupil's record"),
    "risk_note": (
        "De streep is 1 op k. Een bestuur kent de leerlingen van al zijn scholen; een school weet dus niet meer.",
        "The line is 1 in k. A board knows the pupils of all its schools, so a school knows no more.",
    ),
    "stranger": ("onbekende", "stranger"),
    "knows_1_other": ("kent 1 andere", "knows 1 other"),
    "knows_2_others": ("kent 2 anderen", "knows 2 others"),
    "knows_3_others": ("kent 3 anderen", "knows 3 others"),
    "school": ("school", "school"),
    "board": ("bestuur", "board"),
    "column": ("Kolom", "Column"),
    "left_out": ("weggelaten", "left out"),
    "sizes": ("%(smallest)s t/m %(largest)s", "%(smallest)s to %(largest)s"),
    "sizes_from": ("%(smallest)s of meer", "%(smallest)s or more"),
    "loss_table": ("Verlies per kolom in cijfers", "Loss per column in figures"),
    "sensitive": ("Gevoelige kolom", "Sensitive column"),
    "sensitive_counts": (
        "%(setting)s: van %(known)s leerlingen met een waarde is zij van %(shown)s zichtbaar en van %(blanked)s niet.",
        "%(setting)s: of %(known)s pupils with a value it is shown of %(shown)s and hidden of %(blanked)s.",
    ),
    "refusals": ("Waarom er geen uitgifte is", "Why there is no release"),
    "notes": ("Beperkingen", "Limits of the figures"),
    "note_first_release": (
        "De cijfers zijn die van een eerste uitgifte. Na een gepubliceerde uitgifte houdt de volgende de klassen van "
        "de vorige.",
        "The figures are those of a first release. After a published release the next one keeps the classes of the one "
        "before.",
    ),
    "note_pupils_as_declared": (
        "%(settings)s: zonder de weggelaten uitslagen kan van een leerling die van school wisselde een andere school "
        "tellen; de cijfers gaan uit van alle scholen die hem kennen, en kunnen iets afwijken van een uitgifte.",
        "%(settings)s: without the results left out another school may count for a pupil who changed schools; the "
        "figures count every school that knows the pupil, and can differ a little from a release.",
    ),
    "note_covers": (
        "Welke klassen hun gevoelige waarden als dekking verbergen, wordt per uitgifte opnieuw getrokken.",
        "Which classes hide their sensitive values as covers is drawn anew for each release.",
    ),
}


@dataclass(frozen=True)
class PageLanguage:
    """One language of the page."""

    code: str

    def text(self, key: str, **values: object) -> str:
        """Look up a text and fill it in."""
        text = TEXTS[key][LANGUAGE_CODES.index(self.code)]
        return text % values if values else text

    def number(self, number: float) -> str:
        """A number with the separators of the language."""
        from babel.numbers import format_decimal  # only who renders a page needs it

        return str(format_decimal(number, locale=_LOCALES[self.code]))

    def percent(self, share: float) -> str:
        """A share as a percentage, with one decimal."""
        from babel.numbers import format_decimal

        return str(format_decimal(share * 100, format="0.0", locale=_LOCALES[self.code])) + "\u00a0%"

    def chance(self, left: int) -> str:
        """A chance as `1 in 10`."""
        return self.text("one_in", number=self.number(max(left, 1)))
