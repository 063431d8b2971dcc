"""The pupils' classes: the search on the histogram, apart for pupils with a sensitive value and without.

Goes in: the coded pupils. Comes out: a recoding, how each pupil finds its class, and which classes show no
sensitive value. `pipeline` and what makes later releases call it; it never writes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cohort.agreements.privacy_model import derive_class_constraints
from cohort.agreements.project import Project
from cohort.anonymisation import partitioned_search, search_input, sensitive_columns
from cohort.anonymisation.pupil_boards import BOARDS
from cohort.anonymisation.search_input import SENSITIVE_LEAF, PupilCounts
from cohort.anonymisation.sensitive_columns import CLASS_NUMBER, HAS_VALUE, SensitiveColumn
from cohort.foundation.errors import ConfigurationRefused, NotAnonymous, describe_problem
from cohort.keys.project_keys import ProjectKey
from cohort.sdc.global_recoding import lattice_search
from cohort.sdc.global_recoding.recoding_request import RecodingRequest
from cohort.sdc.local_recoding import local_search
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.information_loss import WeightedLoss
from cohort.sdc.model.recoding import Recoding
from cohort.sdc.partitioned import partitions, populations
from cohort.sdc.partitioned.partitions import build_partition_histogram, word_columns
from cohort.sdc.privacy_models.sensitive_constraints import SensitiveValueCounts
from cohort.sdc.privacy_models.sensitive_suppression import SensitiveSuppression, require_enough_values
from cohort.sdc.privacy_models.thresholds import parse_share
from cohort.states import local_frames
from cohort.states.schemas import OTHER_SCHOOLS_CONTROL, PUPIL_CONTROL, SCHOOL_CONTROL


@dataclass(frozen=True, eq=False)
class ClassSearchResult:
    """The recoding, and how a pupil finds its class.

    Takes: the recoding; the class of each released pupil as a frame of key, words and class (with WITH_VALUE
    where a column is sensitive), or none where the masked code alone tells it; the sensitive column, which
    classes show none of its values, and the values counted by class; frames to be released (`unpersist`)
    when the rows are written.
    """

    recoding: Recoding
    classes: DataFrame | None
    sensitive_column: SensitiveColumn | None = None
    blanking: SensitiveSuppression | None = None
    values_by_class: SensitiveValueCounts | None = None
    cached_frames: tuple[DataFrame, ...] = ()

    @property
    def released_values(self) -> list[str]:
        """The sensitive values that the release shows, in the order of their hierarchy."""
        if self.sensitive_column is None or self.blanking is None or self.values_by_class is None:
            return []
        anybody_without = self.recoding.released_pupils > int(self.values_by_class.pupils.sum())
        return self.sensitive_column.released_values(self.values_by_class, self.blanking.classes, anybody_without)

    @property
    def value_pupils(self) -> dict[str, int] | None:
        """Pupils with a value, of how many it is shown or not, and of how many not as covers."""
        if self.blanking is None or self.values_by_class is None:
            return None
        return self.blanking.counts(self.values_by_class.pupils)


def search_classes(
    coded: DataFrame,
    project: Project,
    coding: Coding,
    counts: PupilCounts,
    own: SensitiveColumn | None,
    key: ProjectKey,
    most: int,
) -> ClassSearchResult:
    """The recoding that the project asks for, under which every class meets every constraint: an action.

    Takes: the coded pupils, kept and counted, with their boards; the sensitive column, if there is one; the
    project's key, which draws covers; how many pupils one search may have: a larger cohort is searched in
    parts.
    Refuses: a cohort for which there is none within the suppression limit, a sensitive column of which too
    few have a value or no class could show one (exit code 14); a global recoding of more pupils than one
    search may have (exit code 10).
    """
    if own is None:
        limit = parse_share(str(project.recoding.suppression_limit), "part of the pupils that may be suppressed")
        return _searched(coded, project, coding, counts.searched, limit, most)
    overall = sensitive_columns.count_values(search_input.select_eligible_pupils(coded, project), own)
    require_enough_values(int(overall.sum()), own.min_pupils_with_value, own.name)
    recoded = _searched_apart(coded, project, coding, counts.searched, own, int(overall.sum()), most)
    there = assign_classes(coded, project, recoded)
    of_values = sensitive_columns.count_values_by_class(there, recoded.recoding.classes, own, overall)
    blanking = sensitive_columns.choose_blanked_classes(of_values, own, recoded.recoding, key)
    return replace(recoded, blanking=blanking, counts=of_values)


def _searched_apart(
    coded: DataFrame, project: Project, coding: Coding, pupils: int, own: SensitiveColumn, known: int, most: int
) -> ClassSearchResult:
    """Pupils with a sensitive value and pupils without, each searched by itself; two or more actions."""
    limit = parse_share(str(project.recoding.suppression_limit), "part of the pupils that may be suppressed")
    # A local search leaves over what it cannot place; both together are held to the limit.
    of_one = limit if project.recoding.kind == "global" else Fraction(1)
    sizes = {populations.WITH_VALUE: known, populations.WITHOUT_VALUE: pupils - known}
    flags = {populations.WITH_VALUE: own.has_value(), populations.WITHOUT_VALUE: ~own.has_value()}
    found = dict[str, ClassSearchResult]()
    for name, number in sizes.items():
        if not number:
            continue
        try:
            rows = coded.where(flags[name])
            found[name] = _searched(rows, project, coding, number, of_one, most, by_pupil=True)
        except NotAnonymous:
            continue  # all of them are suppressed, within the limit or not
    rules, goal = (
        derive_class_constraints(project),
        WeightedLoss.for_columns("mean", coding.columns, read_column_weights(project)),
    )
    recodings = {name: one.recoding for name, one in found.items()}
    joined, numbers = populations.merge_population_recodings(recodings, pupils, limit, rules, goal)
    frames_of = [
        renumber_classes(require_pupil_classes(one), numbers[name]).withColumn(
            HAS_VALUE, F.lit(name == populations.WITH_VALUE)
        )
        for name, one in found.items()
    ]
    kept = tuple(frame for one in found.values() for frame in one.cached_frames)
    return ClassSearchResult(joined, reduce(DataFrame.unionByName, frames_of), own, cached_frames=kept)


def _searched(
    coded: DataFrame,
    project: Project,
    coding: Coding,
    pupils: int,
    limit: Fraction,
    most: int,
    *,
    by_pupil: bool = False,
) -> ClassSearchResult:
    """One search, of all pupils or of one population."""
    asked = _asked(project, coding)
    handed = search_input.make_search_input(coded, project)
    if pupils > most:
        return _in_parts(handed, project, pupils, limit, asked, most)
    table: Any = handed.toArrow()
    histogram = build_partition_histogram(table, coding, single=project.recoding.kind == "local")
    search = (
        lattice_search.search_global_recoding
        if project.recoding.kind == "global"
        else local_search.search_local_recoding
    )
    recoding = search(histogram, replace(asked, suppression_limit=limit))
    classes = None
    if by_pupil or project.recoding.kind == "local":
        # Of two pupils with one code one may be suppressed: a code alone says nothing.
        place = recoding.class_of[histogram.unit_of_pupil]
        rows = table.filter(pa.array(place >= 0)).select([partitions.KEY_COLUMN, *word_columns(coding)])
        released = pa.array(place[place >= 0].astype(np.int32))
        classes = local_frames.make_frame_from_arrow(
            coded.sparkSession, rows.append_column(partitions.CLASS_COLUMN, released)
        )
    return ClassSearchResult(recoding, classes)


def assign_classes(coded: DataFrame, project: Project, recoded: ClassSearchResult) -> DataFrame:
    """The released pupils, each with its class, the words of its code and what it carries along.

    Gives: where a column is sensitive, also WITH_VALUE.
    """
    eligible = search_input.select_eligible_pupils(coded, project)
    by_key = recoded.classes is not None
    return _of_pupil(eligible, recoded) if by_key else _of_code(eligible, recoded.recoding)


def read_column_weights(project: Project) -> tuple[float, ...]:
    """What the loss of each generalised column counts for."""
    return tuple(float(c.weight) if c.weight is not None else 1.0 for c in project.quasi_identifiers)


def require_pupil_classes(recoded: ClassSearchResult) -> DataFrame:
    """The class of each released pupil, by its key (a defect where the code alone tells it)."""
    if recoded.classes is None:
        raise TypeError("a recoding without its pupils' classes")
    return recoded.classes


def renumber_classes(classes: DataFrame, place: Any) -> DataFrame:
    """The same pupils under the numbers that their classes have in the recoding of all.

    Takes: pupils with their class; the number of each class there.
    """
    numbers = pa.table(
        {partitions.CLASS_COLUMN: pa.array(np.arange(len(place), dtype=np.int32)), "_place": pa.array(place)}
    )
    by_class = F.broadcast(local_frames.make_frame_from_arrow(classes.sparkSession, numbers))
    others = [name for name in classes.columns if name != partitions.CLASS_COLUMN]
    joined = classes.join(by_class, partitions.CLASS_COLUMN, "inner")
    return joined.select(*others, F.col("_place").alias(partitions.CLASS_COLUMN))


def _asked(project: Project, coding: Coding) -> RecodingRequest:
    """What the search is asked, as the project agreed it."""
    columns = project.quasi_identifiers
    tops = [tree.height - 1 for tree in coding.hierarchies]
    return RecodingRequest(
        coding,
        tuple(derive_class_constraints(project)),
        objective=project.recoding.objective,
        suppression_limit=str(project.recoding.suppression_limit),
        weights=read_column_weights(project),
        lowest=tuple(c.lowest_level for c in columns),
        highest=tuple(
            top if c.highest_level is None else c.highest_level for c, top in zip(columns, tops, strict=True)
        ),
    )


def _in_parts(
    handed: DataFrame, project: Project, pupils: int, limit: Fraction, asked: RecodingRequest, most: int
) -> ClassSearchResult:
    if project.recoding.kind == "global":
        raise ConfigurationRefused(
            describe_problem(
                f"at most {most} pupils for a global recoding",
                example="a smaller population",
                found="more",
                where="[search] most_pupils_at_once of platform.toml",
                do="Choose recoding kind = 'local', which is searched in parts, or raise the budget",
            )
        )
    found = partitioned_search.search_in_parts(handed, pupils, most, asked)
    partitioned_search.check_suppression_limit(found.recoding, pupils, limit, asked)
    return ClassSearchResult(found.recoding, found.classes, cached_frames=(found.cached_answers,))


def _of_code(coded: DataFrame, recoding: Recoding) -> DataFrame:
    """The class of each pupil by its masked code: a table as short as there are classes."""
    coding = recoding.coding
    words = [partitions.word_column(word) for word in range(coding.words)]
    masks = dict(zip(words, coding.mask(recoding.level_vector or ()), strict=True))
    codes = coding.encode(recoding.leaves.T)
    table = {f"masked_{word}": pa.array(codes[place] & mask) for place, (word, mask) in enumerate(masks.items())}
    classes = pa.table({**table, CLASS_NUMBER: pa.array(np.arange(recoding.classes, dtype=np.int32))})
    bits = [F.col(word).bitwiseAND(F.lit(mask)).alias(f"masked_{word}") for word, mask in masks.items()]
    masked = coded.select(*_carried(coded), *words, *bits)
    joined = masked.join(
        F.broadcast(local_frames.make_frame_from_arrow(coded.sparkSession, classes)),
        [f"masked_{word}" for word in words],
        "inner",
    )
    return joined.select(CLASS_NUMBER, *words, *_carried(coded))


def _of_pupil(coded: DataFrame, recoded: ClassSearchResult) -> DataFrame:
    """The class of each pupil by its own hash, held together with its code: nobody else's class fits."""
    words = [partitions.word_column(word) for word in range(recoded.recoding.coding.words)]
    classes = require_pupil_classes(recoded)
    if not recoded.cached_frames:  # the driver's own table, which fits into one
        classes = F.broadcast(classes)
    keyed = coded.select(*_carried(coded), *words, search_input.hash_pupil().alias(partitions.KEY_COLUMN))
    named = classes.withColumnRenamed(partitions.CLASS_COLUMN, CLASS_NUMBER)
    joined = keyed.join(named, [partitions.KEY_COLUMN, *words], "inner")
    own = recoded.sensitive_column
    if own is not None:  # a value that came after a release is not taken along
        joined = joined.withColumn(
            SENSITIVE_LEAF, F.when(F.col(HAS_VALUE), F.col(SENSITIVE_LEAF)).otherwise(own.unknown_leaf)
        )
    return joined.select(CLASS_NUMBER, *words, *_carried(coded), *([HAS_VALUE] if own is not None else []))


def _carried(coded: DataFrame) -> list[str]:
    """What a pupil takes along to its class."""
    return [
        name
        for name in (PUPIL_CONTROL, SCHOOL_CONTROL, OTHER_SCHOOLS_CONTROL, BOARDS, SENSITIVE_LEAF)
        if name in coded.columns
    ]
