"""Equivalence classes of the pupils: the search for a recoding, and the class of each pupil under it.

In: encoded pupils with their boards. Out: a recoding, the class of each released pupil, and which classes show none of
their sensitive values. Pupils with a sensitive value and pupils without are searched separately. The release pipeline
and `differencing` call this module; it writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce
from operator import and_
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cohort.agreements import Project, derive_class_constraints
from cohort.anonymisation import partitioned_search, search_input, sensitive_columns
from cohort.anonymisation.equivalence_class_search_task import ClassSearchTask, read_column_weights
from cohort.anonymisation.pupil_boards import BOARDS
from cohort.anonymisation.search_input import SENSITIVE_LEAF
from cohort.anonymisation.sensitive_columns import CLASS_NUMBER, HAS_VALUE, SensitiveColumn
from cohort.data_states import EXACT_SCORES, OTHER_SCHOOLS_CONTROL, PUPIL_CONTROL, SCHOOL_CONTROL, make_frame_from_arrow
from cohort.foundation import ConfigurationRefused, NotAnonymous, describe_problem
from cohort.sdc import (
    CLASS_COLUMN,
    KEY_COLUMN,
    WITH_VALUE,
    WITHOUT_VALUE,
    Recoding,
    RecodingRequest,
    SensitiveSuppression,
    SensitiveValueCounts,
    WeightedLoss,
    build_partition_histogram,
    merge_population_recodings,
    require_enough_values,
    search_global_recoding,
    search_local_recoding,
    word_column,
    word_columns,
)


@dataclass(frozen=True, eq=False)
class ClassSearchResult:
    """A recoding, and how each pupil finds its class.

    Args:
        recoding: the recoding.
        classes: the class of each released pupil, as a frame of key, words and class, with HAS_VALUE where a column is
            sensitive; None where the masked code of a pupil is enough to find its class.
        sensitive_column: the sensitive column, if there is one.
        blanking: which classes show none of their sensitive values.
        values_by_class: the sensitive values, counted by class.
        cached_frames: frames to unpersist once the rows are written.
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
        """Numbers of pupils: with a value, with it shown, with it blanked, and with it blanked as covers."""
        if self.blanking is None or self.values_by_class is None:
            return None
        return self.blanking.counts(self.values_by_class.pupils)


def search_classes(encoded: DataFrame, pupils: int, task: ClassSearchTask) -> ClassSearchResult:
    """Search for the recoding that the project asks for, under which every class satisfies every constraint.

    Runs several Spark actions.

    Args:
        encoded: the encoded pupils with their boards; cached, since it is read more than once.
        pupils: the number of eligible pupils among them.
        task: what the search needs besides the pupils.

    Raises:
        NotAnonymous: no recoding within the suppression limit; a sensitive column of which too few pupils have a value
            or no class could show one (exit code 14).
        ConfigurationRefused: a global recoding of more pupils than one search may have (exit code 10).
    """
    sensitive = task.sensitive_column
    if sensitive is None:
        return _search_population(encoded, pupils, task, task.suppression_limit)
    values = sensitive_columns.count_values(search_input.select_eligible_pupils(encoded, task.project), sensitive)
    with_value = int(values.sum())
    require_enough_values(with_value, sensitive.min_pupils_with_value, sensitive.name)
    sizes = {WITH_VALUE: with_value, WITHOUT_VALUE: pupils - with_value}
    result = _search_populations(encoded, sizes, task, sensitive)
    members = assign_classes(encoded, task.project, result)
    by_class = sensitive_columns.count_values_by_class(members, result.recoding.classes, sensitive, values)
    blanking = sensitive_columns.choose_blanked_classes(by_class, sensitive, result.recoding, task.key)
    return replace(result, blanking=blanking, values_by_class=by_class)


def assign_classes(encoded: DataFrame, project: Project, result: ClassSearchResult) -> DataFrame:
    """Assign each released pupil to its class; pupils without a class are suppressed.

    Returns:
        CLASS_NUMBER, the words of the code, the control columns, boards, sensitive leaf and exact scores of `encoded`;
        where a column is sensitive, also HAS_VALUE.
    """
    eligible = search_input.select_eligible_pupils(encoded, project)
    if result.classes is None:
        return _join_by_code(eligible, result.recoding)
    return _join_by_pupil(eligible, result, result.classes)


def require_pupil_classes(result: ClassSearchResult) -> DataFrame:
    """Return the frame with the class of each released pupil; that there is none is a defect of the caller."""
    if result.classes is None:
        raise TypeError("a recoding without its pupils' classes")
    return result.classes


def renumber_classes(classes: DataFrame, new_numbers: Any) -> DataFrame:
    """Renumber the classes of pupils.

    Args:
        classes: pupils with their class.
        new_numbers: an int array with the new number of each class.
    """
    numbers = pa.table(
        {CLASS_COLUMN: pa.array(np.arange(len(new_numbers), dtype=np.int32)), "_new_number": pa.array(new_numbers)}
    )
    by_class = F.broadcast(make_frame_from_arrow(classes.sparkSession, numbers))
    others = [name for name in classes.columns if name != CLASS_COLUMN]
    joined = classes.join(by_class, CLASS_COLUMN, "inner")
    return joined.select(*others, F.col("_new_number").alias(CLASS_COLUMN))


def _search_populations(
    encoded: DataFrame, sizes: dict[str, int], task: ClassSearchTask, sensitive: SensitiveColumn
) -> ClassSearchResult:
    """Search the pupils with a sensitive value and those without separately, and join the two recodings."""
    # A local search suppresses the pupils it finds no class for; the limit then holds for both populations together.
    limit = Fraction(1) if task.local else task.suppression_limit
    conditions = {WITH_VALUE: sensitive.has_value(), WITHOUT_VALUE: ~sensitive.has_value()}
    results = dict[str, ClassSearchResult]()
    for name, pupils in sizes.items():
        if pupils:
            try:
                rows = encoded.where(conditions[name])
                results[name] = _search_population(rows, pupils, task, limit, by_pupil=True)
            except NotAnonymous:
                continue  # the population is suppressed as a whole; the join checks the limit
    recoding, new_numbers = merge_population_recodings(
        {name: result.recoding for name, result in results.items()},
        sum(sizes.values()),
        task.suppression_limit,
        derive_class_constraints(task.project),
        WeightedLoss.for_columns("mean", task.coding.columns, read_column_weights(task.project)),
    )
    class_frames = [
        renumber_classes(require_pupil_classes(result), new_numbers[name]).withColumn(
            HAS_VALUE, F.lit(name == WITH_VALUE)
        )
        for name, result in results.items()
    ]
    cached = tuple(frame for result in results.values() for frame in result.cached_frames)
    return ClassSearchResult(recoding, reduce(DataFrame.unionByName, class_frames), sensitive, cached_frames=cached)


def _search_population(
    encoded: DataFrame, pupils: int, task: ClassSearchTask, limit: Fraction, *, by_pupil: bool = False
) -> ClassSearchResult:
    """Search all pupils, or one population; `by_pupil` asks for a class frame of a global recoding too."""
    request = task.request(limit)
    search_rows = search_input.make_search_input(encoded, task.project)
    if pupils > task.most_pupils_at_once:
        return _search_in_parts(search_rows, pupils, task, request)
    table: Any = search_rows.toArrow().sort_by(KEY_COLUMN)  # of pupils who are alike their hash decides, not the rows
    histogram = build_partition_histogram(table, task.coding, single=task.local)
    search = search_local_recoding if task.local else search_global_recoding
    recoding = search(histogram, request)
    classes = None
    if by_pupil or task.local:
        # Of two pupils with one code one may be suppressed, so a code is not enough to find the class.
        class_of_pupil = recoding.class_of[histogram.unit_of_pupil]
        released = class_of_pupil >= 0
        rows = table.filter(pa.array(released)).select([KEY_COLUMN, *word_columns(task.coding)])
        numbers = pa.array(class_of_pupil[released].astype(np.int32))
        class_table = rows.append_column(CLASS_COLUMN, numbers)
        classes = make_frame_from_arrow(encoded.sparkSession, class_table)
    return ClassSearchResult(recoding, classes)


def _search_in_parts(
    search_rows: DataFrame, pupils: int, task: ClassSearchTask, request: RecodingRequest
) -> ClassSearchResult:
    """Search a cohort that is too large for one search."""
    if not task.local:
        raise ConfigurationRefused(
            describe_problem(
                f"at most {task.most_pupils_at_once} pupils for a global recoding",
                example="a smaller population",
                found="more",
                where="[search] most_pupils_at_once of platform.toml",
                do="Choose recoding kind = 'local', which is searched in parts, or raise the budget",
            )
        )
    result = partitioned_search.search_in_parts(search_rows, pupils, task.most_pupils_at_once, request)
    partitioned_search.check_suppression_limit(result.recoding, pupils, request)
    return ClassSearchResult(result.recoding, result.classes, cached_frames=(result.cached_answers,))


def _join_by_code(eligible: DataFrame, recoding: Recoding) -> DataFrame:
    """Join each pupil with its class by the masked code; the joined table has one row per class."""
    coding = recoding.coding
    words = [word_column(word) for word in range(coding.words)]
    masks = dict(zip(words, coding.mask(recoding.level_vector or ()), strict=True))
    codes = coding.encode(recoding.leaves.T)
    masked_codes = {f"masked_{word}": pa.array(codes[n] & mask) for n, (word, mask) in enumerate(masks.items())}
    classes = pa.table({**masked_codes, CLASS_NUMBER: pa.array(np.arange(recoding.classes, dtype=np.int32))})
    class_frame = F.broadcast(make_frame_from_arrow(eligible.sparkSession, classes))
    masked_words = [F.col(word).bitwiseAND(F.lit(mask)).alias(f"masked_{word}") for word, mask in masks.items()]
    masked = eligible.select(*_carried_columns(eligible), *words, *masked_words)
    joined = masked.join(class_frame, list(masked_codes), "inner")
    return joined.select(CLASS_NUMBER, *words, *_carried_columns(eligible))


def _join_by_pupil(eligible: DataFrame, result: ClassSearchResult, classes: DataFrame) -> DataFrame:
    """Join each pupil with its class by the hash of its pseudonym and its code together.

    Pupils whose hashes are equal by chance are told apart by their codes. Those are compared after the join, by a
    condition that Spark does not take for a key: a hash table by one whole number is built in half of the time.
    """
    words = [word_column(word) for word in range(result.recoding.coding.words)]
    if not result.cached_frames:  # the classes are a table of the driver, which is small enough to broadcast
        classes = F.broadcast(classes)
    keyed = eligible.select(*_carried_columns(eligible), *words, search_input.hash_pupil().alias(KEY_COLUMN))
    searched = {word: f"searched_{word}" for word in words}
    numbered = classes.withColumnsRenamed({CLASS_COLUMN: CLASS_NUMBER, **searched})
    has_code = reduce(and_, (F.col(word).bitwiseXOR(F.col(name)) == 0 for word, name in searched.items()))
    joined = keyed.join(numbered, KEY_COLUMN, "inner").where(has_code)
    sensitive = result.sensitive_column
    if sensitive is None:
        return joined.select(CLASS_NUMBER, *words, *_carried_columns(eligible))
    # A value that a pupil got after the release that fixed its population is not shown.
    leaf = F.when(F.col(HAS_VALUE), F.col(SENSITIVE_LEAF)).otherwise(sensitive.unknown_leaf)
    valued = joined.withColumn(SENSITIVE_LEAF, leaf)
    return valued.select(CLASS_NUMBER, *words, *_carried_columns(eligible), HAS_VALUE)


def _carried_columns(encoded: DataFrame) -> list[str]:
    """The columns of a pupil that are kept beside its class."""
    carried = (PUPIL_CONTROL, SCHOOL_CONTROL, OTHER_SCHOOLS_CONTROL, BOARDS, SENSITIVE_LEAF, EXACT_SCORES)
    return [name for name in carried if name in encoded.columns]
