"""The document of an edition from the declaration of its publication: tables, measures, scores, rules.

Nothing here counts anything. The document is public.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from cohort.agreements import DeclaredMeasure, DeclaredScore, DeclaredTable, Platform, Publication
from cohort.publication_documents import (
    LabelledText,
    Measure,
    PublicationDocument,
    PublishedRules,
    PublishedScore,
    PublishedTable,
    TableAxis,
    TableVariable,
)
from cohort.publications.publication_variables import FLAT, PRESENT, name_presence, name_score

HUNDREDTHS = 100
_KIND_LABELS = {
    "count": LabelledText(nl="leerlingen", en="pupils"),
    "mean": LabelledText(nl="gemiddelde", en="mean"),
    "standard_deviation": LabelledText(nl="standaardafwijking", en="standard deviation"),
    "percentile": LabelledText(nl="percentiel", en="percentile"),
    "growth": LabelledText(nl="groei", en="growth"),
    "share": LabelledText(nl="aandeel (%)", en="share (%)"),
}
_DECIMALS = {"count": 0, "mean": 1, "standard_deviation": 1, "percentile": 0, "growth": 1, "share": 0}


def make_publication_document(
    publication: Publication,
    variables: Sequence[TableVariable],
    platform: Platform,
    edition: int,
    supersedes: int | None,
    today: dt.date,
) -> PublicationDocument:
    """Make the document of an edition.

    Args:
        publication: the declaration.
        variables: its variables, as `make_table_variables` made them.
        platform: the platform's declaration, for the rules.
        edition: the number of the edition.
        supersedes: the edition in whose place it will be published.
        today: the present day.
    """
    limits, floors = publication.limits, platform.publications
    rounding = publication.method == "round"
    return PublicationDocument(
        publication=publication.name,
        edition=edition,
        title=_text(publication.title),
        purpose=publication.purpose,
        requested_by=publication.requested_by,
        method=publication.method,
        rows=publication.rows,
        project=publication.project,
        release=None,
        school_years=tuple(sorted(publication.population.schooljaar)),
        population={},
        variables=tuple(variables),
        scores=tuple(_list_scores(publication)),
        tables=tuple(_make_table(table, publication) for table in publication.tables),
        rules=PublishedRules(
            pupils=limits.pupils,
            schools=limits.schools,
            max_share=float(limits.max_share),
            p_percent=float(limits.p_percent),
            largest_value_share=float(limits.largest_value_share),
            degrees_of_freedom=limits.degrees_of_freedom,
            hide_up_to=floors.hide_up_to if rounding else None,
            round_to=floors.round_to if rounding else None,
        ),
        made_on=today.isoformat(),
        supersedes=supersedes,
    )


def _list_scores(publication: Publication) -> Iterator[PublishedScore]:
    for score in publication.scores:
        for moment in score.ordered_moments:
            yield PublishedScore(
                name=name_score(score, moment),
                label=LabelledText(nl=f"{score.label.nl} ({moment})", en=f"{score.label.en} ({moment})"),
                presence=name_presence(score, moment),
                lowest=int(score.lowest * HUNDREDTHS),
                highest=int(score.highest * HUNDREDTHS),
                spread=int(score.spread * HUNDREDTHS),
            )


def _make_table(table: DeclaredTable, publication: Publication) -> PublishedTable:
    declared = {variable.name: variable for variable in publication.variables}
    axes = tuple(
        TableAxis(variable=name, hierarchy=_choose_hierarchy(declared[name].hierarchies, table.hierarchies.get(name)))
        for name in table.by
    )
    grown = {measure.score for measure in table.measures if measure.kind == "growth"}
    scores = {score.name: score for score in publication.scores}
    measures = tuple(_make_measure(measure, scores, grown) for measure in table.measures)
    if publication.method == "noise":
        measures = tuple(one for measure in measures for one in (measure, _make_error(measure)))
    return PublishedTable(name=table.name, title=_text(table.title), axes=axes, measures=measures)


def _choose_hierarchy(names: Sequence[str], chosen: str | None) -> str:
    return chosen or (names[0] if names else FLAT)


def _make_measure(measure: DeclaredMeasure, scores: dict[str, DeclaredScore], grown: set[str | None]) -> Measure:
    """Make a measure with the pupils that it counts: of a score that also shows growth, those with both moments."""
    name, used = str(measure.kind), tuple[str, ...]()
    base: dict[str, str] = {}
    numerator: dict[str, str] = {}
    decimals = _DECIMALS[measure.kind]
    if measure.score is not None:
        score = scores[measure.score]
        moments = score.ordered_moments if measure.kind == "growth" else (str(measure.moment),)
        used = tuple(name_score(score, moment) for moment in moments)
        counted = score.ordered_moments if measure.score in grown else moments
        base = {name_presence(score, moment): PRESENT for moment in counted}
        name = f"{measure.kind}_{measure.score if measure.kind == 'growth' else used[0]}"
    if measure.kind == "percentile":
        name = f"p{int((measure.quantile or 0) * 100)}_{used[0]}"
    if measure.kind == "share":
        numerator = {str(measure.variable): str(measure.value)}
        name = f"share_{measure.variable}_{measure.value}"
    return Measure(
        name=name,
        kind=measure.kind,
        label=_KIND_LABELS[measure.kind] if measure.label is None else _text(measure.label),
        scores=used,
        quantile=None if measure.quantile is None else float(measure.quantile),
        base=base,
        numerator=numerator,
        decimals=decimals,
    )


def _make_error(measure: Measure) -> Measure:
    """Make the measure that says how far a figure with noise may be off."""
    label = LabelledText(nl=f"{measure.label.nl}: fout (95 %)", en=f"{measure.label.en}: error (95 %)")
    return measure.model_copy(update={"name": f"error_{measure.name}", "label": label, "decimals": 1})


def _text(label: object) -> LabelledText:
    return LabelledText(nl=label.nl, en=label.en)  # type: ignore[attr-defined]
