"""Every text of the register, in Dutch and in English, once."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    # the frame
    "register": ("Register van onderzoek met schoolresultaten", "Register of research with school results"),
    "skip": ("Naar de inhoud", "Skip to the content"),
    "languages": ("Taal", "Language"),
    "all_projects": ("Alle onderzoeken", "All projects"),
    "where_you_are": ("Waar u bent", "Where you are"),
    "foot": (
        "Deze pagina is gemaakt uit de openbare verslagen van de publicaties. Er staan geen gegevens "
        "van leerlingen of scholen op. Aantallen zijn afgerond; kleine aantallen worden niet genoemd.",
        "This page is made from the public records of the releases. It holds no data of pupils or "
        "schools. Numbers are rounded; small ones are not told.",
    ),
    "machine": ("Gegevens voor het verwerkingsregister (JSON)", "Fields of the register of processing (JSON)"),
    # the page of all projects
    "intro": (
        "Scholen leveren toetsresultaten. Onderzoekers krijgen daarvan alleen wat hun vraag nodig "
        "heeft. Hier leest u voor welk onderzoek dat gebeurt, hoe lang, en wat er met de gegevens is "
        "gedaan.",
        "Schools deliver test results. Researchers get only what their question needs of them. Here "
        "you read for which research that is done, for how long, and what was done with the data.",
    ),
    "objecting": (
        "Ouders, en leerlingen van 16 jaar en ouder, kunnen op elk moment bezwaar maken: bij de "
        "school. Vanaf dat moment komt de leerling in geen nieuwe publicatie meer voor.",
        "Parents, and pupils of 16 and older, can object at any time: at the school. From then on the"
        " pupil is in no new release.",
    ),
    "no_projects": ("Er is nog geen onderzoek.", "There is no project yet."),
    "projects_of_state": ("Onderzoeken: {}", "Projects: {}"),
    # states and classes
    "published": ("in gebruik", "in use"),
    "destroyed": ("vernietigd", "destroyed"),
    "ending": ("niet meer te lezen, wordt vernietigd", "no longer readable, being destroyed"),
    "prepared": ("in voorbereiding, nog niets gepubliceerd", "being prepared, nothing released yet"),
    "PUBLISHED": ("te lezen voor de onderzoekers", "readable by the researchers"),
    "SUPERSEDED": ("vervangen en verwijderd", "replaced and removed"),
    "DESTROYED": ("vernietigd", "destroyed"),
    "anonymous": ("anoniem", "anonymous"),
    "pseudonymous": ("gepseudonimiseerd: dit zijn persoonsgegevens", "pseudonymised: these are personal data"),
    "anonymous_means": (
        "Anoniem: niemand kan met zekerheid zeggen welke rij van een leerling, een leraar of een school is. "
        "Iedere leerling valt samen met een groep anderen die er precies hetzelfde uitzien. Hoe groot de "
        "kans is om goed te raden, hangt af van wat iemand al weet.",
        "Anonymous: nobody can say with certainty which row is of a pupil, a teacher or a school. Each "
        "pupil is one of a group of others who look exactly the same. How great the chance of a right "
        "guess is, depends on what somebody knows already.",
    ),
    "pseudonymous_means": (
        "Gepseudonimiseerd: leerlingen en scholen hebben een sleutelcode in plaats van een nummer. "
        "Dit zijn persoonsgegevens. Ze zijn er alleen van scholen die daar zelf opdracht voor hebben "
        "gegeven.",
        "Pseudonymised: pupils and schools have a keyed code instead of a number. These are personal "
        "data. They are there only of schools that gave an instruction for it themselves.",
    ),
    # the page of a project
    "in_short": ("In het kort", "In short"),
    "name": ("Naam", "Name"),
    "question": ("Vraag", "Question"),
    "no_question": ("Onderzoek {}", "Project {}"),
    "controller": ("Verantwoordelijke", "Controller"),
    "research_group": ("Onderzoeksgroep", "Research group"),
    "legal_basis": ("Grondslag", "Legal basis"),
    "state": ("Stand", "State"),
    "class": ("Soort gegevens", "Kind of data"),
    "period": ("Periode", "Period"),
    "until": ("{} tot en met {}", "{} up to and including {}"),
    "only_until": ("tot en met {}", "up to and including {}"),
    "pupils": ("Leerlingen", "Pupils"),
    "schools": ("Scholen", "Schools"),
    "not_recorded": ("niet vastgelegd", "not recorded"),
    "at_most": ("hoogstens {}", "at most {}"),
    "about": ("ongeveer {}", "about {}"),
    "selection": ("Welke gegevens", "Which data"),
    "years": ("Schooljaren", "School years"),
    "year_groups": ("Jaargroepen", "Year groups"),
    "all": ("alle", "all"),
    "columns_caption": (
        "Wat de onderzoekers per leerling zien, en waarom",
        "What the researchers see of each pupil, and why",
    ),
    "column": ("Kolom", "Column"),
    "what": ("Wat het is", "What it is"),
    "why": ("Waarom nodig", "Why it is needed"),
    "legal_ground": ("Bijzonder gegeven. Grond: {}", "Special category. Ground: {}"),
    "generalised": ("Wat er grover is gemaakt", "What was made coarser"),
    "generalised_intro": (
        "Niveau 0 is de fijnste waarde die de onderzoekers hadden kunnen zien; hoe hoger het niveau, "
        "hoe grover. Een waarde * is geheel verborgen.",
        "Level 0 is the finest value that the researchers could have seen; the higher the level, the "
        "coarser. A value * is hidden altogether.",
    ),
    "shown_caption": ("Hoe elke kolom wordt getoond", "How each column is shown"),
    "how": ("Hoe getoond", "How it is shown"),
    "kept": ("Detail over", "Detail left"),
    "as_is": ("op het fijnste niveau (0)", "at the finest level (0)"),
    "hidden": ("geheel verborgen", "hidden altogether"),
    "at_level": ("op niveau {}", "at level {}"),
    "share_at": ("{} % van de leerlingen: {}", "{} % of the pupils: {}"),
    "sensitive": (
        "de waarde zelf, of onbekend voor een hele groep waarin zij te veel zou zeggen",
        "the value itself, or unknown for a whole group in which it would say too much",
    ),
    "values": ("De {} waarden die voorkomen", "The {} values that occur"),
    "value": ("De enige waarde die voorkomt", "The only value that occurs"),
    "rules": ("De regels", "The rules"),
    "rules_caption": ("Waaraan elke groep gelijke leerlingen voldoet", "What each group of equal pupils meets"),
    "rule": ("Regel", "Rule"),
    "limit": ("Grens", "Limit"),
    "faced": ("Wat iemand kan raden", "What somebody can guess"),
    "faced_caption": (
        "De kans, op zijn hoogst, om de rij van een leerling aan te wijzen: voor wie wat weet",
        "The chance, at most, to point out a pupil's row: for who knows what",
    ),
    "knows": ("Wie dit weet", "Who knows this"),
    "chance": ("Kans op zijn hoogst", "Chance at most"),
    "one_in": ("1 op {}", "1 in {}"),
    "became": ("Wat er met de leerlingen is gebeurd", "What became of the pupils"),
    "became_caption": ("Aantallen leerlingen, afgerond op {}", "Numbers of pupils, rounded to {}"),
    "group": ("Groep", "Group"),
    "number": ("Aantal", "Number"),
    "taken_out": (
        "later weggehaald, op {}: na een bezwaar of een ingetrokken opdracht",
        "taken out later, on {}: after an objection or an instruction withdrawn",
    ),
    "releases": ("Publicaties", "Releases"),
    "releases_caption": ("Elke publicatie van dit onderzoek", "Each release of this project"),
    "release": ("Publicatie {}", "Release {}"),
    "release_head": ("Publicatie", "Release"),
    "published_on": ("Gepubliceerd op", "Published on"),
    "nothing_released": ("Er is nog niets gepubliceerd.", "Nothing was released yet."),
    "destruction": ("Vernietiging", "Destruction"),
    "to_be_destroyed": (
        "Na {} worden de gegevens van dit onderzoek vernietigd. Dan komt hier het bewijs te staan.",
        "After {} the data of this project are destroyed. The proof will then stand here.",
    ),
    "was_destroyed": (
        "De gegevens zijn vernietigd op {}. Er waren {} bestanden; daarvan zijn er {} weg. Een "
        "zoektocht vond vooraf {} kenmerken van de gegevens, achteraf {}.",
        "The data were destroyed on {}. There were {} files; {} of them are gone. A search found {} "
        "marks of the data before, and {} after.",
    ),
    "key_destroyed": ("De sleutel van het onderzoek is vernietigd.", "The project's key is destroyed."),
    "cannot_see": (
        "Niet te zien zijn: reservekopieën en eerdere versies van de opslag, en kopieën die "
        "onderzoekers maakten toen zij de gegevens mochten lezen.",
        "What cannot be seen: backups and earlier versions of the storage, and copies that "
        "researchers made while they could read the data.",
    ),
    # the picture
    "picture": ("Verloop en detail", "Time and detail"),
    "picture_title": ("Verloop en detail van {}", "Time and detail of {}"),
    "time": ("Verloop", "Time"),
    "detail": ("Detail dat overblijft", "Detail that is left"),
    "start": ("begin", "start"),
    "end": ("einde", "end"),
    "destroyed_event": ("vernietigd", "destroyed"),
    "release_event": ("publicatie {}", "release {}"),
    "on": ("{} op {}", "{} on {}"),
    "kept_of": ("{}: {} % van het detail is over", "{}: {} % of the detail is left"),
    # columns in words
    "difference": ("groei van {} ({}): van {} naar {}", "growth in {} ({}): from {} to {}"),
    "result": ("{} ({}), {}", "{} ({}), {}"),
    "B": ("begin {}", "start of {}"),
    "M": ("midden {}", "middle of {}"),
    "E": ("eind {}", "end of {}"),
    "geboortedatum": ("geboortedatum, alleen als {}", "date of birth, only as {}"),
    # the register of processing
    "subjects": (
        "Leerlingen met toetsresultaten; schooljaren {}; jaargroepen {}",
        "Pupils with test results; school years {}; year groups {}",
    ),
    "inside_only": (
        "Leerlingnummer (PGN), school (BRIN), groep en leraar, en de dag van de toets: om de selectie"
        " te maken en bezwaren toe te passen; nooit vrijgegeven",
        "Pupil number (PGN), school (BRIN), class and teacher, and the day of the test: to make the "
        "selection and apply objections; never released",
    ),
    "transfers": (
        "Geen: het systeem geeft niets door buiten de plaats waar het draait",
        "None: the system passes nothing on beyond the place where it runs",
    ),
    "keyed": (
        "Nummers worden vervangen door pseudoniemen met een sleutel per onderzoek, die buiten de gegevens staat",
        "Numbers are replaced by pseudonyms with a key per project, which stands outside the data",
    ),
    "verified": (
        "Niets is te lezen dat niet is nagekeken door een tweede programma, dat elke regel opnieuw telt",
        "Nothing can be read that was not checked by a second program, which counts every rule anew",
    ),
    "closed_zones": (
        "Geleverde gegevens zijn alleen te lezen voor wie het systeem beheert; een bezwaar verwijdert ze daar",
        "Delivered data can be read only by who runs the system; an objection removes them there",
    ),
    "second_look": (
        "Na het einde wordt alles verwijderd en opnieuw gezocht; een certificaat zegt wat er is gevonden",
        "After the end everything is removed and searched for again; a certificate says what was found",
    ),
    "numbers": (
        "null: hoogstens {}; andere aantallen zijn afgerond op {}",
        "null: at most {}; other numbers are rounded to {}",
    ),
    # the page of a school
    "uses": ("Waarvoor resultaten van deze school zijn gebruikt", "For what this school's results were used"),
    "uses_intro": (
        "Deze onderzoeken hebben resultaten van uw school gebruikt. Deze pagina is alleen voor uw "
        "school; in het openbare register staat geen enkele school.",
        "These projects used results of your school. This page is for your school alone; the public "
        "register names no school.",
    ),
    "uses_caption": ("Onderzoeken met resultaten van deze school", "Projects with results of this school"),
    "no_longer": ("niet meer in gebruik", "no longer in use"),
}
