"""The variables of a publication as its document has them: leaves, hierarchies and labels, from the declaration.

In: the declaration, the hierarchy files and the school list. Out: `TableVariable`s, whose leaves are those of the
publication's pupils; and one further variable for each score and moment, which says who has that score.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from cohort.agreements import Catalogue, DeclaredScore, DeclaredVariable, LabelText, Publication
from cohort.foundation import CODE_LISTS, ConfigurationRefused, describe_problem
from cohort.publication_documents import TOTAL_NODE, HierarchyNode, LabelledText, TableVariable, VariableHierarchy
from cohort.sdc import UNKNOWN_VALUE, Hierarchy

PRESENT, ABSENT = "ja", "nee"
FLAT = "waarden"
"""The hierarchy of a variable that is divided into its leaves at once."""
TOTAL_LABEL = LabelledText(nl="totaal", en="total")
YEAR_VARIABLE = "schooljaar"


def name_presence(score: DeclaredScore, moment: str) -> str:
    """Name the variable that says who has a score: the same for the same score in every publication."""
    return f"heeft_{score.domein}_{score.schaal}_{score.value}_{moment}".lower().replace("-", "_")


def name_score(score: DeclaredScore, moment: str) -> str:
    """Name a score at one moment."""
    return f"{score.name}_{moment}"


def make_table_variables(publication: Publication, catalogue: Catalogue, folder: Path) -> tuple[TableVariable, ...]:
    """Make the variables of a publication.

    Args:
        publication: its declaration.
        catalogue: the school list, which has the regions and denominations.
        folder: the folder of the hierarchy files.

    Raises:
        ConfigurationRefused: a hierarchy file that is not valid or that lacks a code (exit code 10).
    """
    declared = [_make_variable(variable, publication, catalogue, folder) for variable in publication.variables]
    shown = {variable.attribute for variable in publication.variables}
    if YEAR_VARIABLE not in shown:
        declared.append(_make_year(publication))
    if publication.population.jaargroep is not None and "jaargroep" not in shown:
        label = LabelledText(nl="jaargroep", en="year group")
        declared.append(_flat_variable("jaargroep", label, sorted(publication.population.jaargroep), {}))
    return (*declared, *_make_presences(publication))


def _make_variable(
    variable: DeclaredVariable, publication: Publication, catalogue: Catalogue, folder: Path
) -> TableVariable:
    codes = _list_codes(variable, publication, catalogue)
    labels = {code: _labelled(label) for code, label in variable.value_labels.items()}
    label = _labelled(variable.label)
    if not variable.hierarchies:
        return _flat_variable(variable.name, label, codes, labels, sensitive=variable.sensitive)
    trees = []
    for name in variable.hierarchies:
        hierarchy = Hierarchy.from_file(folder / f"{name}.csv", variable.name)
        _require_codes(hierarchy, codes, variable, name)
        trees.append(_make_tree(name, hierarchy, codes, labels))
    leaves = tuple(codes)
    return TableVariable(
        name=variable.name, label=label, leaves=leaves, hierarchies=tuple(trees), sensitive=variable.sensitive
    )


def _list_codes(variable: DeclaredVariable, publication: Publication, catalogue: Catalogue) -> list[str]:
    """List the leaves of a variable: those that a pupil of the publication can have."""
    attribute = str(variable.attribute)
    if attribute == YEAR_VARIABLE:
        return sorted(publication.population.schooljaar)
    if attribute == "schoolgrootte":
        return list(name_size_classes(variable.edges or []))
    if attribute in ("regio", "denominatie_groep", "soort"):
        values = {own[attribute] or UNKNOWN_VALUE for own in catalogue.school_attributes.values()}
        return sorted(values)
    if attribute == "jaargroep" and publication.population.jaargroep is not None:
        return [code for code in CODE_LISTS[attribute].codes if code in publication.population.jaargroep]
    return [*CODE_LISTS[attribute].codes, UNKNOWN_VALUE]


def name_size_classes(edges: Sequence[int]) -> tuple[str, ...]:
    """Name the classes of school size between edges: `onder 100`, `100 tot 250`, `250 en meer`."""
    between = [f"{low} tot {high}" for low, high in pairwise(edges)]
    return (f"onder {edges[0]}", *between, f"{edges[-1]} en meer")


def _require_codes(hierarchy: Hierarchy, codes: Sequence[str], variable: DeclaredVariable, name: str) -> None:
    missing = [code for code in codes if code not in hierarchy.leaves]
    if missing:
        raise ConfigurationRefused(
            describe_problem(
                f"a line for every value of {variable.attribute} that pupils can have",
                example=missing[0],
                found=f"none for {', '.join(missing[:5])}",
                where=f"hierarchies/{name}.csv",
                do="Add the lines",
            )
        )


def _make_tree(
    name: str, hierarchy: Hierarchy, codes: Sequence[str], labels: Mapping[str, LabelledText]
) -> VariableHierarchy:
    """Make the tree of the leaves that pupils can have, without nodes that have all leaves of the one above."""
    place = {leaf: number for number, leaf in enumerate(hierarchy.leaves)}
    leaves_of: dict[str, tuple[str, ...]] = {TOTAL_NODE: tuple(codes)}
    parents: dict[str, str] = {}
    texts: dict[str, LabelledText] = {}
    for level in range(len(hierarchy.labels) - 1, -1, -1):
        for code in codes:
            label = hierarchy.labels[level][place[code]]
            own = tuple(other for other in codes if hierarchy.labels[level][place[other]] == label)
            above = min((node for node, has in leaves_of.items() if code in has), key=lambda node: len(leaves_of[node]))
            if len(own) < len(leaves_of[above]):
                node = own[0] if len(own) == 1 else label  # a leaf has its own code, whatever level it stands on
                leaves_of[node], parents[node] = own, above
                texts[node] = labels.get(label) or labels.get(node) or LabelledText(nl=label, en=label)
    nodes = [HierarchyNode(code=TOTAL_NODE, parent=None, label=TOTAL_LABEL)]
    nodes += [HierarchyNode(code=code, parent=parent, label=texts[code]) for code, parent in parents.items()]
    return VariableHierarchy(name=name, nodes=tuple(nodes))


def _flat_variable(
    name: str, label: LabelledText, codes: Sequence[str], labels: Mapping[str, LabelledText], *, sensitive: bool = False
) -> TableVariable:
    nodes = [HierarchyNode(code=TOTAL_NODE, parent=None, label=TOTAL_LABEL)]
    nodes += [
        HierarchyNode(code=code, parent=TOTAL_NODE, label=labels.get(code, LabelledText(nl=code, en=code)))
        for code in codes
    ]
    hierarchy = VariableHierarchy(name=FLAT, nodes=tuple(nodes))
    return TableVariable(name=name, label=label, leaves=tuple(codes), hierarchies=(hierarchy,), sensitive=sensitive)


def _make_year(publication: Publication) -> TableVariable:
    label = LabelledText(nl="schooljaar", en="school year")
    return _flat_variable(YEAR_VARIABLE, label, sorted(publication.population.schooljaar), {})


def _make_presences(publication: Publication) -> Iterator[TableVariable]:
    labels = {
        PRESENT: LabelledText(nl="met score", en="with a score"),
        ABSENT: LabelledText(nl="zonder score", en="without a score"),
    }
    for score in publication.scores:
        required = score.name in publication.population.scores
        for moment in score.ordered_moments:
            label = LabelledText(nl=f"{score.label.nl}, {moment}: score", en=f"{score.label.en}, {moment}: score")
            codes = (PRESENT,) if required else (PRESENT, ABSENT)
            yield _flat_variable(name_presence(score, moment), label, codes, labels)


def _labelled(label: LabelText) -> LabelledText:
    return LabelledText(nl=label.nl, en=label.en)
