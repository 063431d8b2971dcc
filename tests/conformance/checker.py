"""An independent checker of released files, written with pandas only: it imports nothing of the engine that it checks.

It reads the records, the hierarchy files, the released records, the command's report, and the trace that links records
to released records, and recomputes every promise from text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import pandas as pd

UNKNOWN = "onbekend"
CLASS = "(class)"


@dataclass(frozen=True)
class AgreedLimits:
    """The limits that a release must keep, as an analyst requests them from the command."""

    columns: tuple[str, ...]
    k: int
    schools: str | None = None
    m: int = 1
    max_share: str = "1"
    k_others: int = 0
    sensitive: str | None = None
    distinct: int = 3
    entropy: float = 1
    t: str = "1"
    ordered: bool = False
    largest_value: str = "0.8"
    limit: str = "1"
    weights: Mapping[str, float] = field(default_factory=dict)


class TextHierarchy:
    """A hierarchy file as text: the ancestors of every value, and how many values each label stands for."""

    def __init__(self, path: Path, *, with_unknown: bool) -> None:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        self.ancestors = {line.split(";")[0]: line.split(";") for line in lines if line}
        if with_unknown and UNKNOWN not in self.ancestors:
            tops = {labels[-1] for labels in self.ancestors.values()}
            height = max(map(len, self.ancestors.values()))
            top = tops.pop() if len(tops) == 1 and height > 1 else UNKNOWN
            self.ancestors[UNKNOWN] = [*[UNKNOWN] * (height - 1), top]
        self.leaves = len(self.ancestors)
        self.under: dict[str, set[str]] = {}
        for leaf, labels in self.ancestors.items():
            for label in labels:
                self.under.setdefault(label, set()).add(leaf)

    def lost(self, label: str) -> float:
        """(share − 1/D) / (1 − 1/D)."""
        if self.leaves == 1:
            return 0.0
        return (len(self.under[label]) / self.leaves - 1 / self.leaves) / (1 - 1 / self.leaves)


def read(path: Path, delimiter: str) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path).astype("object").fillna("").astype(str)
    return pd.read_csv(
        path, sep=delimiter, dtype=str, keep_default_na=False, encoding="utf-8-sig", skip_blank_lines=False
    )


def findings(
    data: Path,
    released: Path,
    trace: Path,
    hierarchies: Mapping[str, Path],
    agreed: AgreedLimits,
    document: Mapping[str, Any],
    delimiter: str = ";",
) -> list[str]:
    """Everything that is wrong with a release; nothing where it keeps what was agreed."""
    original, shown = read(data, delimiter), read(released, delimiter)
    columns = list(agreed.columns)
    expected = [*columns, *([agreed.sensitive] if agreed.sensitive else [])]
    if list(shown.columns) != expected:
        return ["the released columns are not those that were asked for"]
    for name in expected:
        original[name] = original[name].replace("", UNKNOWN)
    trees = {name: TextHierarchy(hierarchies[name], with_unknown=UNKNOWN in set(original[name])) for name in columns}
    found = [*_order_findings(shown), *_class_size_findings(shown, agreed), *_label_findings(shown, trees)]
    if found:
        return found
    found += _loss_findings(shown, len(original), trees, agreed, document)
    classes = shown[columns].drop_duplicates().reset_index(drop=True)
    joined = original.assign(**{CLASS: pd.to_numeric(read(trace, delimiter)["class"]).to_numpy()})
    if set(joined[CLASS].dropna()) != set(range(len(classes))):
        return [*found, "the released classes are not those of the trace"]
    kept = joined.dropna(subset=[CLASS]).astype({CLASS: int})
    found += _join_findings(kept, shown, classes, trees, agreed)
    found += _level_findings(kept, classes, trees, agreed, document) if "levels" in document else []
    if agreed.sensitive is None:
        return [*found, *_school_findings(kept, agreed)] if agreed.schools else found
    # Who has a value and who has none are populations of their own, each under every rule.
    has_value = kept[agreed.sensitive] != UNKNOWN
    for population in (kept[has_value], kept[~has_value]):
        found += _small_class_findings(population, agreed)
        found += _school_findings(population, agreed) if agreed.schools and len(population) else []
    return [*found, *_value_findings(kept[has_value], shown, classes, original, agreed, document)]


def _order_findings(shown: pd.DataFrame) -> Iterator[str]:
    rows = list(shown.itertuples(index=False, name=None))
    if rows != sorted(rows):
        yield "the released records are not in the order of what they show"


def _class_size_findings(shown: pd.DataFrame, agreed: AgreedLimits) -> Iterator[str]:
    sizes = shown.groupby(list(agreed.columns)).size()
    if len(sizes) == 0 or sizes.min() < agreed.k:
        yield f"a class has fewer than {agreed.k} records"


def _small_class_findings(population: pd.DataFrame, agreed: AgreedLimits) -> Iterator[str]:
    if len(population) and population.groupby(CLASS).size().min() < agreed.k:
        yield f"a class has fewer than {agreed.k} records with a value, or without"


def _label_findings(shown: pd.DataFrame, trees: Mapping[str, TextHierarchy]) -> Iterator[str]:
    for name, tree in trees.items():
        if not set(shown[name]) <= set(tree.under):
            yield f"column {name} shows a value that its hierarchy does not have"


def _loss_findings(
    shown: pd.DataFrame,
    records: int,
    trees: Mapping[str, TextHierarchy],
    agreed: AgreedLimits,
    document: Mapping[str, Any],
) -> Iterator[str]:
    suppressed = records - len(shown)
    if (document["records"], document["suppressed"]) != (records, suppressed):
        yield "the document counts other records"
    if suppressed > Fraction(agreed.limit) * records:
        yield "more records are suppressed than the limit allows"
    losses = {name: (float(shown[name].map(tree.lost).sum()) + suppressed) / records for name, tree in trees.items()}
    weight = {name: agreed.weights.get(name, 1.0) for name in trees}
    total = sum(weight.values())
    mean = sum(weight[name] * loss for name, loss in losses.items()) / total
    product = math.prod((1 + loss) ** (weight[name] / total) for name, loss in losses.items())
    output = document["losses"]
    pairs = [(mean, output["mean"]), (product - 1, output["geometric"])]
    pairs += [(losses[name], output["columns"][name]) for name in losses]
    if any(abs(own - other) > 1e-9 for own, other in pairs):
        yield "the document tells another loss"


def _join_findings(
    kept: pd.DataFrame,
    shown: pd.DataFrame,
    classes: pd.DataFrame,
    trees: Mapping[str, TextHierarchy],
    agreed: AgreedLimits,
) -> Iterator[str]:
    """Released records against the originals of their class."""
    columns = list(agreed.columns)
    of_shown = shown.merge(classes.assign(**{CLASS: range(len(classes))}), on=columns, how="left")
    if not of_shown[CLASS].value_counts().sort_index().equals(kept[CLASS].value_counts().sort_index()):
        yield "a class has another number of records than the trace gives it"
    for name, tree in trees.items():
        label = classes[name].to_numpy()[kept[CLASS].to_numpy()]
        pairs = set(zip(label, kept[name], strict=True))
        if not all(shows in tree.ancestors[value] for shows, value in pairs):
            yield f"column {name} shows a value that is no ancestor of the original"


def _level_findings(
    kept: pd.DataFrame,
    classes: pd.DataFrame,
    trees: Mapping[str, TextHierarchy],
    agreed: AgreedLimits,
    document: Mapping[str, Any],
) -> Iterator[str]:
    """In a global recoding every value is the ancestor at the one level of its column in its population."""
    if isinstance(document["levels"], dict):
        has_value = kept[str(agreed.sensitive)] != UNKNOWN
        parts = {"with_value": kept[has_value], "without_value": kept[~has_value]}
        populations = [(parts[name], levels) for name, levels in document["levels"].items()]
    else:
        populations = [(kept, document["levels"])]
    for population, levels in populations:
        for level, (name, tree) in zip(levels, trees.items(), strict=True):
            label = classes[name].to_numpy()[population[CLASS].to_numpy()]
            pairs = set(zip(label, population[name], strict=True))
            if any(tree.ancestors[value][level] != shows for shows, value in pairs):
                yield f"column {name} is not at level {level} throughout"


def _school_findings(kept: pd.DataFrame, agreed: AgreedLimits) -> Iterator[str]:
    per_school = kept.groupby([CLASS, str(agreed.schools)]).size()
    largest, pupils = per_school.groupby(level=0).max(), per_school.groupby(level=0).sum()
    if per_school.groupby(level=0).size().min() < agreed.m:
        yield f"a class has fewer than {agreed.m} schools"
    share = Fraction(agreed.max_share)
    if (largest * share.denominator > pupils * share.numerator).any():
        yield "one school has too large a share of a class"
    if (pupils - largest).min() < agreed.k_others:
        yield f"a class has fewer than {agreed.k_others} records without its largest school"


def _value_findings(
    known: pd.DataFrame,
    shown: pd.DataFrame,
    classes: pd.DataFrame,
    original: pd.DataFrame,
    agreed: AgreedLimits,
    document: Mapping[str, Any],
) -> Iterator[str]:
    """A class shows the values of all its records that have one, under every rule, or of none."""
    name = str(agreed.sensitive)
    overall = original.loc[original[name] != UNKNOWN, name].value_counts(normalize=True)
    order: Sequence[str] = sorted(overall.index, key=float if agreed.ordered else str)
    of_shown = shown.merge(classes.assign(**{CLASS: range(len(classes))}), on=list(agreed.columns), how="left")
    seen = dict(iter(of_shown[of_shown[name] != UNKNOWN].groupby(CLASS)[name]))
    blanked = []
    for number, own in known.groupby(CLASS):
        values = own[name]
        if number not in seen:
            blanked.append(values.value_counts())
            continue
        if sorted(seen.pop(number)) != sorted(values):
            yield "the sensitive values of a class are not those of the originals"
        yield from _value_limit_findings(values, overall, order, agreed)
        if agreed.schools:
            yield from _school_value_findings(own, agreed)
    if seen:
        yield "a class shows values that none of its records has"
    if blanked:
        top, records = sum(counts.max() for counts in blanked), sum(counts.sum() for counts in blanked)
        if top > Fraction(agreed.largest_value) * int(records):
            yield "too few covers are blanked"
    output = (sum(counts.sum() for counts in blanked), len(known))
    if (document["sensitive"]["blanked"], document["sensitive"]["known"]) != output:
        yield "the document counts other values"


def _value_limit_findings(
    values: pd.Series[str], overall: pd.Series[float], order: Sequence[str], agreed: AgreedLimits
) -> Iterator[str]:
    counts, parts = values.value_counts(), values.value_counts(normalize=True)
    if len(counts) < agreed.distinct:
        yield f"a class has fewer than {agreed.distinct} sensitive values"
    if -sum(p * math.log(p) for p in parts) < math.log(agreed.entropy) - 1e-9:
        yield "the sensitive values of a class are not varied enough"
    if counts.max() > Fraction(agreed.largest_value) * len(values):
        yield "one sensitive value has too large a share of a class"
    steps = [parts.get(value, 0.0) - overall[value] for value in order]
    apart = sum(map(abs, steps)) / 2
    if agreed.ordered:
        apart = sum(abs(sum(steps[: at + 1])) for at in range(len(steps))) / max(len(steps) - 1, 1)
    if apart > float(Fraction(agreed.t)) + 1e-9:
        yield "the sensitive values of a class are too far from those of all"


def _school_value_findings(own: pd.DataFrame, agreed: AgreedLimits) -> Iterator[str]:
    for school in own[str(agreed.schools)].unique():
        others = own.loc[own[str(agreed.schools)] != school, str(agreed.sensitive)]
        if len(others) < 5 or others.nunique() < 2:
            yield "a school that knows its own records learns the value of the others"
            return
