"""The page of one project: what was asked, of what, how it was made coarser, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from cohort.transparency import html, record_phrases, timeline_picture
from cohort.transparency.data_terms import COUNTS, INTRUDERS, term
from cohort.transparency.html import element
from cohort.transparency.index_page import state
from cohort.transparency.register_documents import Agreement, Certificate, Column, Entry, Release
from cohort.transparency.wording import date, say


def page(entry: Entry, language: str) -> str:
    """The page of a project in one language."""
    return html.page(
        f"project/{entry.name}",
        record_phrases.title(entry, language),
        language,
        list(_content(entry, language)),
        record_phrases.question(entry, language),
    )


def _content(entry: Entry, language: str) -> Iterator[Element]:
    yield state(entry, language)
    yield _in_short(entry, language)
    agreed, latest = entry.agreement, entry.latest
    if agreed is not None or latest is not None:
        figure = element("figure", timeline_picture.picture(entry, language))
        yield html.section(say("picture", language), figure)
    if agreed is not None:
        yield _selection(agreed, language)
    if latest is not None:
        yield _generalised(latest, agreed.columns if agreed is not None else [], language)
        yield _rules(latest, language)
        if latest.faced:
            yield _faced(latest, language)
        yield _became(latest, language)
    yield _releases(entry, language)
    yield html.section(say("destruction", language), *_destruction(entry, language))


def _in_short(entry: Entry, language: str) -> Element:
    facts: list[tuple[str, html.Content]] = [(say("name", language), entry.name)]
    if (agreed := entry.agreement) is not None:
        facts += [
            (say("controller", language), html.declared(agreed.controller, language)),
            (say("research_group", language), html.declared(agreed.research_group, language)),
            (say("legal_basis", language), html.declared(agreed.legal_basis, language)),
        ]
    facts.append((say("period", language), record_phrases.period(entry, language)))
    if entry.kind is not None:
        facts.append((say("class", language), say(f"{entry.kind}_means", language)))
    if entry.latest is not None:
        facts += [
            (say("pupils", language), record_phrases.count(entry.latest, "pupils_released", language)),
            (say("schools", language), record_phrases.count(entry.latest, "schools", language)),
        ]
    return html.section(say("in_short", language), html.pairs(facts))


def _selection(agreed: Agreement, language: str) -> Element:
    groups = agreed.population.jaargroep
    heads = [say(key, language) for key in ("column", "what", "why")]
    rows: list[list[Element | str]] = [
        [column.name, _what(column, language), html.declared(column.why, language)] for column in agreed.columns
    ]
    return html.section(
        say("selection", language),
        html.pairs(
            [
                (say("years", language), ", ".join(agreed.population.schooljaar)),
                (say("year_groups", language), ", ".join(groups) if groups else say("all", language)),
            ]
        ),
        html.table(say("columns_caption", language), heads, rows, wide=True),
    )


def _what(column: Column, language: str) -> Element:
    ground = None
    if column.legal_ground is not None:
        ground = element("p", say("legal_ground", language, column.legal_ground))
    return element("div", record_phrases.source(column, language), ground)


def _generalised(release: Release, columns: list[Column], language: str) -> Element:
    roles = {column.name: column.role for column in columns}
    heads = [say(key, language) for key in ("column", "how", "kept")]
    rows: list[list[Element | str]] = []
    for name, shown in release.codebook.items():
        if shown is not None:
            how = record_phrases.how(shown, language, sensitive=roles.get(name) == "sensitive")
            values = record_phrases.values(shown)
            key = "value" if len(values) == 1 else "values"
            listed = element(
                "details",
                element("summary", say(key, language, len(values))),
                element("ul", *(element("li", value) for value in values), class_="values", lang="nl"),
            )
            rows.append([name, element("div", how, listed), f"{record_phrases.kept(shown)} %"])
    return html.section(
        say("generalised", language),
        element("p", say("generalised_intro", language)),
        html.table(say("shown_caption", language), heads, rows, wide=True),
    )


def _rules(release: Release, language: str) -> Element:
    heads = [say(key, language) for key in ("rule", "limit")]
    rows = [[record_phrases.limit(name, release, language), limit] for name, limit in release.thresholds.items()]
    return html.section(say("rules", language), html.table(say("rules_caption", language), heads, rows))


def _faced(release: Release, language: str) -> Element:
    """What each kind of intruder faces: no one chance holds for all."""
    heads = [say(key, language) for key in ("knows", "chance")]
    rows = [[term(INTRUDERS, who, language), say("one_in", language, number)] for who, number in release.faced.items()]
    return html.section(say("faced", language), html.table(say("faced_caption", language), heads, rows))


def _became(release: Release, language: str) -> Element:
    heads = [say(key, language) for key in ("group", "number")]
    rows = [
        [term(COUNTS, name, language), record_phrases.count(release, name, language)]
        for name in COUNTS
        if name in release.counts
    ]
    for taken in release.withdrawals:
        day = date(taken.at, language)
        rows.append([say("taken_out", language, day), record_phrases.about(taken.pupils, release, language)])
    caption = say("became_caption", language, release.rounded_to)
    return html.section(say("became", language), html.table(caption, heads, rows))


def _releases(entry: Entry, language: str) -> Element:
    if not entry.releases:
        return html.section(say("releases", language), element("p", say("nothing_released", language)))
    heads = [say(key, language) for key in ("release_head", "published_on", "state", "pupils")]
    rows = [
        [
            say("release", language, release.release),
            date(release.published, language) if release.published else say("not_recorded", language),
            say(release.state, language),
            record_phrases.count(release, "pupils_released", language),
        ]
        for release in entry.releases
    ]
    return html.section(
        say("releases", language), html.table(say("releases_caption", language), heads, rows, wide=True)
    )


def _destruction(entry: Entry, language: str) -> Iterator[Element]:
    if entry.certificate is not None:
        yield from _proved(entry.certificate, language)
    elif entry.agreement is not None:
        yield element("p", say("to_be_destroyed", language, date(entry.agreement.ends, language)))


def _proved(certificate: Certificate, language: str) -> Iterator[Element]:
    looked = certificate.looked_for
    yield element(
        "p",
        say(
            "was_destroyed",
            language,
            date(certificate.destroyed_at, language),
            looked.listing.files_before,
            looked.listing.gone_after,
            looked.found_before.marks,
            looked.found_after.marks,
        ),
    )
    if certificate.removed.key:
        yield element("p", say("key_destroyed", language))
    yield element("p", say("cannot_see", language))
