"""The figures of one setting of a comparison: what was asked, what it costs, which risk is left.

`cohort.sdc` measures them; the page shows them, and a line of JSON per setting holds them. They are exact.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class LevelShare:
    """The share of all pupils whose value of a column is released at one level.

    Args:
        level: the level of the setting's own hierarchy.
        example: the first label of the hierarchy at that level.
        share: the share of all pupils, suppressed ones included.
    """

    level: int
    example: str
    share: float


@dataclass(frozen=True)
class ColumnFigures:
    """What is left of one column.

    Args:
        column: the name of the column.
        left_out: whether the setting leaves the column out.
        loss: the information loss as a release with this setting reports it; None for a column left out.
        compared_loss: the loss against the finest values of all settings of the comparison, from 0 (exact) to 1
            (nothing left, as of a column left out): the one to compare settings by.
        levels: the share of the pupils at each level.
    """

    column: str
    left_out: bool
    loss: float | None
    compared_loss: float
    levels: tuple[LevelShare, ...] = ()


@dataclass(frozen=True)
class ClassSizeGroup:
    """The classes of a range of sizes.

    Args:
        smallest: the smallest size of the range.
        largest: the largest; None where there is no upper end.
        classes: the number of classes.
        pupils: the pupils in them.
    """

    smallest: int
    largest: int | None
    classes: int
    pupils: int


@dataclass(frozen=True)
class IntruderFigure:
    """What one kind of intruder faces, as `sdc.risk` measures it."""

    left_at_least: int
    chance_at_most: float
    mean: float
    over: float


@dataclass(frozen=True)
class SettingFigures:
    """The figures of one setting, or why there is no release under it.

    Args:
        setting: its name.
        agreed: thresholds and recoding, by name.
        seconds: how long search and measures took.
        refused: the sentences of the refusal; empty where there is a recoding.
        notes: codes of what limits the figures (`page_texts` has their sentences).
        records: the pupils who may get a class.
        released: those of them who are released.
        suppressed: those who are not.
        release_loss: the mean and the geometric mean loss with the setting's weights, as a release reports them.
        mean_compared_loss: the mean of the compared losses of all columns of the comparison.
        columns: the columns of the comparison, those left out included.
        classes: the number of classes.
        smallest_class: the pupils of the smallest class.
        median_class: the size of the class in which the middle released pupil is.
        class_sizes: the classes by size.
        intruders: what each kind of intruder faces.
        metrics: the utility metrics of `sdc.utility`.
        sensitive: how many pupils have a sensitive value, and of how many it is shown; None without such a column.
        proposed: by column the lines of a project file that declare its bands, where the preview made them.
        proven: whether it is proved that no better choice of levels exists.
    """

    setting: str
    agreed: Mapping[str, str | int]
    seconds: float
    refused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    records: int = 0
    released: int = 0
    suppressed: int = 0
    release_loss: Mapping[str, float] = field(default_factory=dict)
    mean_compared_loss: float = 1.0
    columns: tuple[ColumnFigures, ...] = ()
    classes: int = 0
    smallest_class: int = 0
    median_class: int = 0
    class_sizes: tuple[ClassSizeGroup, ...] = ()
    intruders: Mapping[str, IntruderFigure] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    sensitive: Mapping[str, int] | None = None
    proposed: Mapping[str, str] = field(default_factory=dict)
    proven: bool = False

    @property
    def suppressed_share(self) -> float:
        """The share of the pupils who are suppressed."""
        return self.suppressed / max(self.records, 1)

    def as_dict(self) -> dict[str, Any]:
        """The figures by name, for JSON; of a refused setting only what was asked and why it was refused."""
        everything = asdict(self)
        if not self.refused:
            return everything | {"suppressed_share": self.suppressed_share}
        return {name: everything[name] for name in ("setting", "agreed", "seconds", "refused")}


def format_json_lines(figures: Iterable[SettingFigures]) -> str:
    """Write one line of JSON per setting."""
    return "".join(json.dumps(one.as_dict(), ensure_ascii=False, default=str) + "\n" for one in figures)
