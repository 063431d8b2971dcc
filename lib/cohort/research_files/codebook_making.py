"""The codebook of a release, made from the agreement, its record, and the rows of the published table.

It says which values occur, and never how often: shares are made from counts that are rounded like all shown ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from cohort.agreements import CountRounding, DeclaredColumn, Environment, Project, find_code_list, load_hierarchies
from cohort.foundation import ConfigurationRefused, describe_problem
from cohort.release_records import AgreedSource, ReleaseRecord, make_public_agreement
from cohort.research_files.codebook_document import (
    Codebook,
    CodebookCategory,
    CodebookCovariance,
    CodebookShares,
    CodebookVariable,
    SyntheticSource,
)
from cohort.research_files.label_counts import count_labels
from cohort.research_files.value_codes import EVERYTHING_VALUE, CodedValue, code_values
from cohort.research_files.value_labels import (
    label_bound,
    label_column,
    label_domain,
    label_mean,
    label_pseudonym,
    label_value,
)
from cohort.sdc import UNKNOWN_VALUE, Hierarchy
from cohort.storage import StoragePath


def make_codebook(environment: Environment, project: Project, record: ReleaseRecord, table: StoragePath) -> Codebook:
    """Make the codebook of a release from the current rows of a table.

    Args:
        environment: the surroundings of the run.
        project: the project's declaration.
        record: the exact record of the release.
        table: the folder of the published table, or of the stage that becomes it.

    Raises:
        ConfigurationRefused: a hierarchy that cannot be read, or without a value that the table shows (exit code 10).
    """
    hierarchies = load_hierarchies(project, environment.hierarchies)
    counts = count_labels(table, project.column_names)
    _require_values(project, hierarchies, counts)
    published = record.noted(published=record.published or str(environment.now))
    return describe_release(project, published, hierarchies, counts, environment.platform.shown)


def _require_values(project: Project, hierarchies: Mapping[str, Hierarchy], counts: Mapping[str, Counter[str]]) -> None:
    """Refuse hierarchies that changed since the release was made."""
    known = {name: {label for level in hierarchies[name].labels for label in level} for name in counts}
    changed = [column for column in project.columns if counts[column.name].keys() - known[column.name]]
    if changed:
        raise ConfigurationRefused(
            *(
                describe_problem(
                    "every released value in the hierarchy of its column",
                    example="the hierarchy or bands that the release was made with",
                    found="another hierarchy",
                    where=f"column {column.name} of projects/{project.name}.toml",
                    do="Restore it; a changed one is for a new project",
                )
                for column in changed
            )
        )


def describe_release(
    project: Project,
    record: ReleaseRecord,
    hierarchies: Mapping[str, Hierarchy],
    counts: Mapping[str, Counter[str]],
    shown: CountRounding,
) -> Codebook:
    """Describe a release.

    Args:
        project: the project's declaration.
        record: the exact record of the release.
        hierarchies: the hierarchy of each column.
        counts: how many rows show each value, by column.
        shown: the platform's rules on counts that are shown.
    """
    rows = max((values.total() for values in counts.values()), default=0)
    suppressed = record.counts.pupils_suppressed or 0
    named = NamedRows(
        record.id,
        str(record.published or record.made)[:10],
        _share(suppressed, rows + suppressed, shown),
        covariances=tuple(_describe_covariances(record, shown)),
    )
    return describe_rows(project, named, hierarchies, counts, shown)


@dataclass(frozen=True)
class NamedRows:
    """What a codebook says of rows beside their values.

    Args:
        release: the note of the release, or the name of the twin.
        published: the day on which they were published or made.
        suppressed_percent: the share of the pupils who were left out; None where it is not told.
        synthetic: what they were made from, if they are no pupils.
        covariances: the covariance matrices beside class means.
    """

    release: str
    published: str
    suppressed_percent: int | None
    synthetic: SyntheticSource | None = None
    covariances: tuple[CodebookCovariance, ...] = ()


def describe_rows(
    project: Project,
    named: NamedRows,
    hierarchies: Mapping[str, Hierarchy],
    counts: Mapping[str, Counter[str]],
    shown: CountRounding,
) -> Codebook:
    """Describe the rows of a release, or of a twin.

    Args:
        project: the project's declaration.
        named: what is said of them beside their values.
        hierarchies: the hierarchy of each column.
        counts: how many rows show each value, by column.
        shown: the platform's rules on counts that are shown.
    """
    rows = max((values.total() for values in counts.values()), default=0)
    sources = {column.name: column.source for column in make_public_agreement(project).columns}
    described = _Described(hierarchies, counts, sources, shown, rows, project.mean_steps)
    variables = [variable for column in project.columns for variable in _describe_column(column, described)]
    pseudonyms = [
        CodebookVariable(name=name, kind="pseudonym", label=label_pseudonym(name)) for name in project.pseudonym_columns
    ]
    return Codebook(
        project=project.name,
        release=named.release,
        question=project.question,
        controller=project.controller,
        research_group=project.research_group,
        legal_basis=project.legal_basis,
        release_class=project.release_class,
        published=named.published,
        expires=str(project.ends),
        school_years=tuple(project.population.schooljaar),
        year_groups=tuple(project.population.jaargroep or ()),
        k=project.thresholds.k,
        m=project.thresholds.m,
        recoding=project.recoding.kind,
        rows=shown.round_count(rows),
        suppressed_percent=named.suppressed_percent,
        hidden_up_to=shown.hide_up_to,
        rounded_to=shown.round_to,
        variables=(*variables, *pseudonyms),
        covariances=named.covariances,
        synthetic=named.synthetic,
    )


def _describe_covariances(record: ReleaseRecord, shown: CountRounding) -> Iterator[CodebookCovariance]:
    for one in () if record.class_means is None else record.class_means.covariances:
        yield CodebookCovariance(
            group=one.group,
            degrees_of_freedom=shown.round_count(one.degrees_of_freedom),
            columns=one.columns,
            rows=one.rows,
        )


@dataclass(frozen=True)
class _Described:
    """What columns are described with, by name; how many rows there are; and the steps of class means."""

    hierarchies: Mapping[str, Hierarchy]
    counts: Mapping[str, Counter[str]]
    sources: Mapping[str, AgreedSource]
    shown: CountRounding
    rows: int
    mean_steps: Mapping[str, Decimal]


def _describe_column(column: DeclaredColumn, described: _Described) -> Iterator[CodebookVariable]:
    """Describe a column, and the bounds and the class mean that are released beside it."""
    coded = code_values(described.hierarchies[column.name])
    counts = described.counts[column.name]
    occurring = [value for value in coded.values() if value.value in counts]
    codes = find_code_list(column)
    label, domain = label_column(column, described.sources[column.name]), label_domain(column)
    scale = column.results[0].schaal if column.results else None
    variable = CodebookVariable(
        name=column.name,
        kind="category",
        label=label,
        role=column.role,
        reason=column.why,
        domain=domain,
        scale=scale,
        ordered=column.bands is not None or column.numeric or (codes is not None and codes.ordered),
        categories=tuple(_describe_value(column, value) for value in occurring),
        levels=tuple(sorted({value.level for value in occurring if value.missing != "unknown"})),
        shares=None if column.legal_ground is not None else _count_shares(counts, coded, described),
    )
    yield variable
    yield from _describe_bounds(column, variable)
    for name in column.mean_names:
        yield CodebookVariable(
            name=name,
            kind="mean",
            label=label_mean(label),
            domain=domain,
            scale=scale,
            ordered=True,
            mean_of=column.name,
            step=f"{described.mean_steps[column.name].normalize():f}",
        )


def _describe_bounds(column: DeclaredColumn, variable: CodebookVariable) -> Iterator[CodebookVariable]:
    """Describe the bounds of a typed column."""
    for name, bound in zip(column.bound_names, ("lower", "upper"), strict=False):
        yield CodebookVariable(
            name=name,
            kind="bound",
            label=label_bound(variable.label, upper=bound == "upper"),
            domain=variable.domain,
            scale=variable.scale,
            ordered=True,
            bound_of=column.name,
            bound="upper" if bound == "upper" else "lower",
        )


def _describe_value(column: DeclaredColumn, value: CodedValue) -> CodebookCategory:
    return CodebookCategory(
        value=value.value,
        code=value.code,
        label=label_value(column, value.value, value.missing),
        level=value.level,
        missing=value.missing,
    )


def _count_shares(counts: Counter[str], coded: Mapping[str, CodedValue], described: _Described) -> CodebookShares:
    generalised = sum(
        rows for value, rows in counts.items() if value != UNKNOWN_VALUE and (value not in coded or coded[value].level)
    )
    rows, shown = described.rows, described.shown
    return CodebookShares(
        generalised=_share(generalised, rows, shown),
        generalised_away=_share(counts[EVERYTHING_VALUE], rows, shown),
        unknown=_share(counts[UNKNOWN_VALUE], rows, shown),
    )


def _share(part: int, whole: int, shown: CountRounding) -> int | None:
    """A share in whole per cents of rounded counts; None where a count is too small to be told."""
    rounded_part, rounded_whole = shown.round_count(part), shown.round_count(whole)
    if rounded_part is None or rounded_whole is None:
        return None
    return min(100, round(100 * rounded_part / rounded_whole))
