"""The page of all projects."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from cohort.transparency import html, record_phrases
from cohort.transparency.html import element
from cohort.transparency.register_documents import Entry
from cohort.transparency.wording import say

ORDER = ("published", "prepared", "ending", "destroyed")
"""States in the order in which a reader looks for them."""


def page(entries: Sequence[Entry], language: str) -> str:
    """The index in one language: what this is, how to object, and every project under its state."""
    content: list[Element] = [
        element("p", say("intro", language), class_="lead"),
        element("p", say("objecting", language)),
    ]
    if not entries:
        content.append(element("p", say("no_projects", language)))
    for state in ORDER:
        of_state = [entry for entry in entries if entry.state == state]
        if of_state:
            cards = element("ul", *(_card(entry, language) for entry in of_state), class_="cards")
            title = say("projects_of_state", language, say(state, language))
            content.append(html.section(title, cards))
    return html.page("index", say("register", language), language, content)


def _card(entry: Entry, language: str) -> Element:
    facts: list[tuple[str, html.Content]] = [(say("period", language), record_phrases.period(entry, language))]
    if entry.agreement is not None:
        facts.insert(0, (say("research_group", language), html.declared(entry.agreement.research_group, language)))
    if entry.kind is not None:
        facts.append((say("class", language), say(entry.kind, language)))
    if entry.latest is not None:
        facts.append((say("pupils", language), record_phrases.count(entry.latest, "pupils_released", language)))
        facts.append((say("schools", language), record_phrases.count(entry.latest, "schools", language)))
    return element(
        "li",
        element("h3", html.link(record_phrases.question(entry, language), f"project/{entry.name}.html")),
        state(entry, language),
        html.pairs(facts),
    )


def state(entry: Entry, language: str) -> Element:
    late = entry.state in ("ending", "destroyed")
    return element("p", element("span", say(entry.state, language), class_="state late" if late else "state"))
