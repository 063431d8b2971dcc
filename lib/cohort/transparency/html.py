"""A page: its elements, which escape what they hold, and its frame."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element, tostring

from cohort.transparency.style import CSS, POLICY
from cohort.transparency.wording import LANGUAGES, other, path_to, say

Content = Element | str


def element(tag: str, *content: Content | None, **attributes: str | None) -> Element:
    """An element with what it holds, in order: `None` is nothing; `class_` is class, `aria_x` aria-x."""
    made = Element(tag)
    for name, value in attributes.items():
        if value is not None:
            made.set(name.rstrip("_").replace("_", "-"), value)
    for part in content:
        if isinstance(part, Element):
            made.append(part)
        elif part is not None and len(made):
            made[-1].tail = (made[-1].tail or "") + part
        elif part is not None:
            made.text = (made.text or "") + part
    return made


def link(text: Content, to: str, **attributes: str | None) -> Element:
    return element("a", text, href=to, **attributes)


def pairs(facts: Sequence[tuple[str, Content]]) -> Element:
    """Names and what they stand for, as a list of definitions."""
    return element("dl", *(e for name, fact in facts for e in (element("dt", name), element("dd", fact))))


def table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[Content]], *, wide: bool = False) -> Element:
    """A table with a caption; the first cell of a row is its head.

    A wide one is stacked on a phone, where every cell carries the head of its column; its roles are written
    out, since a browser forgets them with the look of a table.
    """
    role = {name: name if wide else None for name in ("table", "row", "rowgroup", "rowheader", "cell")}
    role["columnheader"] = "columnheader" if wide else None
    head = element("tr", *(element("th", h, scope="col", role=role["columnheader"]) for h in heads), role=role["row"])
    body = [
        element(
            "tr",
            element("th", first, scope="row", role=role["rowheader"]),
            *(
                element("td", cell, role=role["cell"], data_label=label if wide else None)
                for label, cell in zip(heads[1:], rest, strict=True)
            ),
            role=role["row"],
        )
        for first, *rest in rows
    ]
    return element(
        "table",
        element("caption", caption),
        element("thead", head, role=role["rowgroup"]),
        element("tbody", *body, role=role["rowgroup"]),
        class_="wide" if wide else None,
        role=role["table"],
    )


def section(title: str, *content: Content | None) -> Element:
    return element("section", element("h2", title), *content)


def declared(text: str, language: str) -> Content:
    """A text of the agreement, which is Dutch, in a page of a language."""
    return text if language == LANGUAGES[0] else element("span", text, lang=LANGUAGES[0])


def page(
    name: str, title: str, language: str, content: Sequence[Content | None], heading: Content | None = None
) -> str:
    """A whole page of the site with its frame.

    Takes: its name (`index`, or `project/` and the project's), its title, its content under the heading, and
    the heading where that is not the title.
    """
    up = "../" * path_to(name, language).count("/")
    home = up + path_to("index", language)
    there = other(language)
    header = element(
        "header",
        element(
            "nav",
            link(say("register", language), home, aria_current="page" if name == "index" else None),
            aria_label=say("where_you_are", language),
        ),
        element(
            "nav",
            link(NAMES[there], up + path_to(name, there), lang=there, hreflang=there),
            aria_label=say("languages", language),
        ),
    )
    footer = element(
        "footer",
        element("p", say("foot", language)),
        element("p", link(say("machine", language), f"{up}register.json")),
    )
    whole = title if name == "index" else f"{title} – {say('register', language)}"
    main = element("main", element("h1", title if heading is None else heading), *content, id="content", tabindex="-1")
    return document(whole, language, [link(say("skip", language), "#content", class_="skip"), header, main, footer])


def document(title: str, language: str, body: Sequence[Content]) -> str:
    """A document that loads nothing: its style is in it, and its policy lets nothing else in."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("link", rel="icon", href="data:,"),
        element("style", CSS),
    )
    tree = element("html", head, element("body", *body), lang=language)
    return "<!DOCTYPE html>\n" + tostring(tree, encoding="unicode", method="html") + "\n"


NAMES = dict(zip(LANGUAGES, ("Nederlands", "English"), strict=True))
"""Each language in its own words."""
