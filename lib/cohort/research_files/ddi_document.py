"""The codebook of a release as DDI-Codebook 2.5, the XML of data archives; made from the same document as the page.

There are no summary statistics in it: neither extremes nor counts of categories are told.
"""

from __future__ import annotations

from typing import Any

from lxml import etree

from cohort.pages import LANGUAGE_CODES
from cohort.research_files.codebook_document import BilingualText, Codebook, CodebookVariable, SyntheticSource

DDI_NAMESPACE = "ddi:codebook:2_5"
DDI_VERSION = "2.5"
_XML_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_FILE_ID = "F1"
_PRODUCER = "cohort"
SYNTHETIC_NOTES: dict[SyntheticSource, str] = {
    "table": "Synthetic rows, drawn from rounded counts, means and correlations of the published table",
    "agreement": "Synthetic rows, drawn from the agreement alone",
}
Element = etree._Element


def serialise_ddi(book: Codebook) -> bytes:
    """Write a codebook as a DDI-Codebook 2.5 document in UTF-8."""
    prefixes: Any = {None: DDI_NAMESPACE}
    root = etree.Element(_tag("codeBook"), nsmap=prefixes)
    root.set("version", DDI_VERSION)
    root.set(_XML_LANGUAGE, "nl")
    _add_document(root, book)
    _add_study(root, book)
    _add_file(root, book)
    data = _add(root, "dataDscr")
    for variable in book.variables:
        _add_variable(data, variable)
    text: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return text


def _add_document(root: Element, book: Codebook) -> None:
    """Describe the codebook itself."""
    citation = _add(_add(root, "docDscr"), "citation")
    _add_title(citation, f"Codeboek van {book.release}", f"Codebook of {book.release}", f"{book.release}.codebook")
    production = _add(citation, "prodStmt")
    _add(production, "producer", _PRODUCER)
    _add(production, "prodDate", book.published, date=book.published)


def _add_study(root: Element, book: Codebook) -> None:
    """Describe the study: its question, who answers for it, what was selected, how it was made anonymous."""
    study = _add(root, "stdyDscr")
    citation = _add(study, "citation")
    _add_title(citation, book.question, f"Release {book.release}", book.release)
    responsible = _add(citation, "rspStmt")
    _add(responsible, "AuthEnty", book.research_group)
    _add(responsible, "othId", book.controller)
    production = _add(citation, "prodStmt")
    _add(production, "producer", _PRODUCER)
    _add(production, "prodDate", book.published, date=book.published)
    information = _add(study, "stdyInfo")
    subject = _add(information, "subject")
    for keyword in book.keywords:
        _add_in_both_languages(subject, "keyword", keyword)
    _add(information, "abstract", book.question, lang="nl")
    summary = _add(information, "sumDscr")
    for year in book.school_years:
        _add(summary, "timePrd", year)
    _add(summary, "nation", "Nederland", abbr="NLD")
    _add(summary, "anlyUnit", "leerling", lang="nl")
    _add(summary, "anlyUnit", "pupil", lang="en")
    _add(summary, "universe", ", ".join(book.year_groups) or "alle jaargroepen", lang="nl")
    _add(summary, "dataKind", "synthetic" if book.synthetic else book.release_class, lang="en")
    _add_method(study, book)
    use = _add(_add(study, "dataAccs"), "useStmt")
    _add(use, "restrctn", book.legal_basis, lang="nl")
    _add(use, "conditions", f"The data are destroyed after {book.expires}", lang="en")


def _add_method(study: Element, book: Codebook) -> None:
    """Describe how the data were made anonymous, with the share of pupils who were left out, or made up."""
    method = _add(study, "method")
    if book.synthetic is not None:
        _add(_add(method, "dataColl"), "cleanOps", SYNTHETIC_NOTES[book.synthetic], lang="en")
        _add(method, "notes", "No row is a pupil", lang="en", type="synthetic")
        return
    collection = _add(method, "dataColl")
    _add(
        collection,
        "cleanOps",
        f"{book.recoding} recoding: every combination of values occurs for at least {book.k} pupils, of at least "
        f"{book.m} schools and school boards",
        lang="en",
    )
    suppressed = f"none, or at most {book.hidden_up_to} pupils"
    if book.suppressed_percent is not None:
        suppressed = f"about {book.suppressed_percent} % of the pupils"
    _add(method, "notes", f"Suppressed: {suppressed}", lang="en", type="suppression")


def _add_file(root: Element, book: Codebook) -> None:
    """Describe the file: its name, its rows, rounded, and the number of its variables."""
    file = _add(root, "fileDscr", ID=_FILE_ID)
    text = _add(file, "fileTxt")
    _add(text, "fileName", f"twins/{book.project}/table" if book.synthetic else f"projects/{book.project}")
    dimensions = _add(text, "dimensns")
    if book.rows is not None:
        _add(dimensions, "caseQnty", str(book.rows))
    _add(dimensions, "varQnty", str(len(book.variables)))
    _add(text, "fileType", "Delta table")
    _add(text, "verStmt").append(_element("version", book.release))
    notes = (
        f"Counts are rounded to {book.rounded_to} and not told up to {book.hidden_up_to}; shares are made from them."
    )
    _add(file, "notes", notes, lang="en")


def _add_variable(data: Element, variable: CodebookVariable) -> None:
    """Describe a variable: what it is called, what it is needed for, its categories, and how it was generalised."""
    element = _add(data, "var", ID=f"V_{variable.name}", files=_FILE_ID)
    element.set("name", variable.name)
    element.set("intrvl", "contin" if variable.kind in ("bound", "mean") else "discrete")
    if variable.kind != "pseudonym":
        is_number = variable.kind in ("bound", "mean")
        element.set("nature", "interval" if is_number else "ordinal" if variable.ordered else "nominal")
    _add_in_both_languages(element, "labl", variable.label)
    if variable.reason is not None:
        _add(_add(element, "qstn"), "qstnLit", variable.reason, lang="nl")
    missing = [category for category in variable.categories if category.missing is not None]
    if missing:
        invalid = _add(element, "invalrng")
        for category in missing:
            _add(invalid, "item", VALUE=str(category.code))
    for category in variable.categories:
        entry = _add(element, "catgry", missing="Y" if category.missing else "N")
        if category.missing is not None:
            entry.set("missType", category.missing)
        _add(entry, "catValu", str(category.code))
        _add_in_both_languages(entry, "labl", category.label)
        _add(entry, "txt", category.value, lang="nl")
    if variable.domain is not None:
        _add_in_both_languages(element, "concept", variable.domain)
    _add(element, "varFormat", type="character" if variable.kind == "pseudonym" else "numeric")
    for kind, note in _variable_notes(variable):
        _add(element, "notes", note, lang="en", type=kind)


def _variable_notes(variable: CodebookVariable) -> list[tuple[str, str]]:
    """What DDI has no element for, as notes with their type."""
    notes = []
    if variable.scale is not None:
        notes.append(("scale", variable.scale))
    if variable.bound_of is not None:
        notes.append(("bound", f"{variable.bound} bound of the label that {variable.bound_of} shows"))
    if variable.mean_of is not None:
        notes.append(
            ("mean", f"mean of {variable.mean_of} over the rows with the same labels, rounded to {variable.step}")
        )
    if variable.levels:
        notes.append(("levels", ", ".join(map(str, variable.levels))))
    if variable.shares is not None:
        shares = variable.shares.model_dump()
        notes += [(name, _share_text(percent)) for name, percent in shares.items()]
    return notes


def _share_text(percent: int | None) -> str:
    return "none, or too few to be told" if percent is None else f"about {percent} %"


def _add_title(citation: Element, dutch: str, english: str, identifier: str) -> None:
    statement = _add(citation, "titlStmt")
    _add(statement, "titl", dutch, lang="nl")
    _add(statement, "parTitl", english, lang="en")
    _add(statement, "IDNo", identifier)


def _add_in_both_languages(parent: Element, name: str, text: BilingualText) -> None:
    for code in LANGUAGE_CODES:
        _add(parent, name, text.in_language(code), lang=code)


def _add(parent: Element, name: str, text: str | None = None, *, lang: str | None = None, **attributes: str) -> Element:
    """Add an element to another."""
    element = _element(name, text)
    if lang is not None:
        element.set(_XML_LANGUAGE, lang)
    for key, value in attributes.items():
        element.set(key, value)
    parent.append(element)
    return element


def _element(name: str, text: str | None = None) -> Element:
    element = etree.Element(_tag(name))
    element.text = text
    return element


def _tag(name: str) -> str:
    return f"{{{DDI_NAMESPACE}}}{name}"
