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

from cohort.agreements.privacy_model import constraints
from cohort.agreements.project import Project
from cohort.anonymisation import partitioned_search, search_input, sensitive_columns
from cohort.anonymisation.pupil_boards import BOARDS
from cohort.anonymisation.search_input import VALUE, Counts
from cohort.anonymisation.sensitive_columns import CLASS, WITH_VALUE, SensitiveColumn
from cohort.foundation.errors import ConfigurationRefused, NotAnonymous, expected
from cohort.keys.project_keys import Key
from cohort.sdc.global_recoding import lattice_search
from cohort.sdc.local_recoding import local_search
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.recoding import Recoding
from cohort.sdc.partitioned import partitions, populations
from cohort.sdc.partitioned.partitions import Search
from cohort.sdc.privacy_models.constraints import share
from cohort.sdc.privacy_models.l_diversity import ValueCounts
from cohort.sdc.privacy_models.sensitive_suppression import Blanking, require_enough
from cohort.sdc.utility.loss import Objective
from cohort.states import local_frames
from cohort.states.schemas import OTHERS, PUPIL, SCHOOL


@dataclass(frozen=True, eq=False)
class Recoded:
    """The recoding, and how a pupil finds its class.

    Takes: the recoding; the class of each released pupil as a frame of key, words and class (with WITH_VALUE
    where a column is sensitive), or none where the masked code alone tells it; the sensitive column, which
    classes show none of its values, and the values counted by class; frames to be released (`unpersist`)
    when the rows are written.
    """

    recoding: Recoding
    classes: DataFrame | None
    sensitive: SensitiveColumn | None = None
    blanking: Blanking | None = None
    counts: ValueCounts | None = None
    kept: tuple[DataFrame, ...] = ()

    @property
    def values(self) -> list[str]:
        """The sensitive values that the release shows, in the order of their hierarchy."""
        if self.sensitive is None or self.blanking is None or self.counts is None:
            return []
        anybody_without = self.recoding.released > int(self.counts.pupils.sum())
        return self.sensitive.shown(self.counts, self.blanking.classes, anybody_without)

    @property
    def value_counts(self) -> dict[str, int] | None:
        """Pupils with a value, of how many it is shown or not, and of how many not as covers."""
        if self.blanking is None or self.counts is None:
            return None
        return self.blanking.counts(self.counts.pupils)


def recode(
    coded: DataFrame, project: Project, coding: Coding, counts: Counts, own: SensitiveColumn | None, key: Key, most: int
) -> Recoded:
    """The recoding that the project asks for, under which every class meets every constraint: an action.

    Takes: the coded pupils, kept and counted, with their boards; the sensitive column, if there is one; the
    project's key, which draws covers; how many pupils one search may have: a larger cohort is searched in
    parts.
    Refuses: a cohort for which there is none within the suppression limit, a sensitive column of which too
    few have a value or no class could show one (exit code 14); a global recoding of more pupils than one
    search may have (exit code 10).
    """
    if own is None:
        limit = share(str(project.recoding.suppression_limit), "part of the pupils that may be suppressed")
        return _searched(coded, project, coding, counts.searched, limit, most)
    overall = sensitive_columns.everybody(search_input.eligible(coded, project), own)
    require_enough(int(overall.sum()), own.least_known, own.name)
    recoded = _searched_apart(coded, project, coding, counts.searched, own, int(overall.sum()), most)
    there = members(coded, project, recoded)
    of_values = sensitive_columns.counted(there, recoded.recoding.classes, own, overall)
    blanking = sensitive_columns.decide(of_values, own, recoded.recoding, key)
    return replace(recoded, blanking=blanking, counts=of_values)


def _searched_apart(
    coded: DataFrame, project: Project, coding: Coding, pupils: int, own: SensitiveColumn, known: int, most: int
) -> Recoded:
    """Pupils with a sensitive value and pupils without, each searched by itself; two or more actions."""
    limit = share(str(project.recoding.suppression_limit), "part of the pupils that may be suppressed")
    # A local search leaves over what it cannot place; both together are held to the limit.
    of_one = limit if project.recoding.kind == "global" else Fraction(1)
    sizes = {populations.WITH_VALUE: known, populations.WITHOUT_VALUE: pupils - known}
    flags = {populations.WITH_VALUE: own.known(), populations.WITHOUT_VALUE: ~own.known()}
    found = dict[str, Recoded]()
    for name, number in sizes.items():
        if not number:
            continue
        try:
            rows = coded.where(flags[name])
            found[name] = _searched(rows, project, coding, number, of_one, most, by_pupil=True)
        except NotAnonymous:
            continue  # all of them are suppressed, within the limit or not
    rules, goal = constraints(project), Objective.of("mean", coding.columns, weights(project))
    recodings = {name: one.recoding for name, one in found.items()}
    joined, numbers = populations.join(recodings, pupils, limit, rules, goal)
    frames_of = [
        renumbered(classes_of(one), numbers[name]).withColumn(WITH_VALUE, F.lit(name == populations.WITH_VALUE))
        for name, one in found.items()
    ]
    kept = tuple(frame for one in found.values() for frame in one.kept)
    return Recoded(joined, reduce(DataFrame.unionByName, frames_of), own, kept=kept)


def _searched(
    coded: DataFrame,
    project: Project,
    coding: Coding,
    pupils: int,
    limit: Fraction,
    most: int,
    *,
    by_pupil: bool = False,
) -> Recoded:
    """One search, of all pupils or of one population."""
    asked = _asked(project, coding)
    handed = search_input.handed(coded, project)
    if pupils > most:
        return _in_parts(handed, project, pupils, limit, asked, most)
    table: Any = handed.toArrow()
    histogram = asked.histogram(table, single=project.recoding.kind == "local")
    search = lattice_search.search if project.recoding.kind == "global" else local_search.search
    recoding = search(
        histogram,
        coding,
        asked.constraints,
        objective=asked.objective,
        suppression_limit=limit,
        weights=asked.weights,
        minimum=asked.low,
        maximum=asked.high,
    )
    classes = None
    if by_pupil or project.recoding.kind == "local":
        # Of two pupils with one code one may be suppressed: a code alone says nothing.
        place = recoding.class_of[histogram.unit_of]
        rows = table.filter(pa.array(place >= 0)).select([partitions.KEY, *asked.words])
        released = pa.array(place[place >= 0].astype(np.int32))
        classes = local_frames.of_table(coded.sparkSession, rows.append_column(partitions.CLASS, released))
    return Recoded(recoding, classes)


def members(coded: DataFrame, project: Project, recoded: Recoded) -> DataFrame:
    """The released pupils, each with its class, the words of its code and what it carries along.

    Gives: where a column is sensitive, also WITH_VALUE.
    """
    eligible = search_input.eligible(coded, project)
    by_key = recoded.classes is not None
    return _of_pupil(eligible, recoded) if by_key else _of_code(eligible, recoded.recoding)


def weights(project: Project) -> tuple[float, ...]:
    """What the loss of each generalised column counts for."""
    return tuple(float(c.weight) if c.weight is not None else 1.0 for c in project.quasi_identifying)


def classes_of(recoded: Recoded) -> DataFrame:
    """The class of each released pupil, by its key (a defect where the code alone tells it)."""
    if recoded.classes is None:
        raise TypeError("a recoding without its pupils' classes")
    return recoded.classes


def renumbered(classes: DataFrame, place: Any) -> DataFrame:
    """The same pupils under the numbers that their classes have in the recoding of all.

    Takes: pupils with their class; the number of each class there.
    """
    numbers = pa.table({partitions.CLASS: pa.array(np.arange(len(place), dtype=np.int32)), "_place": pa.array(place)})
    by_class = F.broadcast(local_frames.of_table(classes.sparkSession, numbers))
    others = [name for name in classes.columns if name != partitions.CLASS]
    joined = classes.join(by_class, partitions.CLASS, "inner")
    return joined.select(*others, F.col("_place").alias(partitions.CLASS))


def _asked(project: Project, coding: Coding) -> Search:
    """What the search is asked, as the project agreed it."""
    columns = project.quasi_identifying
    tops = [tree.height - 1 for tree in coding.hierarchies]
    return Search(
        coding,
        tuple(constraints(project)),
        project.recoding.objective,
        weights=weights(project),
        low=tuple(c.lowest_level for c in columns),
        high=tuple(top if c.highest_level is None else c.highest_level for c, top in zip(columns, tops, strict=True)),
    )


def _in_parts(handed: DataFrame, project: Project, pupils: int, limit: Fraction, asked: Search, most: int) -> Recoded:
    if project.recoding.kind == "global":
        raise ConfigurationRefused(
            expected(
                f"at most {most} pupils for a global recoding",
                example="a smaller population",
                found="more",
                where="[search] most_pupils_at_once of platform.toml",
                do="Choose recoding kind = 'local', which is searched in parts, or raise the budget",
            )
        )
    found = partitioned_search.search(handed, pupils, most, asked)
    partitioned_search.refuse_too_much_suppression(found.recoding, pupils, limit, asked)
    return Recoded(found.recoding, found.classes, kept=(found.kept,))


def _of_code(coded: DataFrame, recoding: Recoding) -> DataFrame:
    """The class of each pupil by its masked code: a table as short as there are classes."""
    coding = recoding.coding
    words = [partitions.word(word) for word in range(coding.words)]
    masks = dict(zip(words, coding.mask(recoding.level_vector or ()), strict=True))
    codes = coding.codes(recoding.leaves.T)
    table = {f"masked_{word}": pa.array(codes[place] & mask) for place, (word, mask) in enumerate(masks.items())}
    classes = pa.table({**table, CLASS: pa.array(np.arange(recoding.classes, dtype=np.int32))})
    bits = [F.col(word).bitwiseAND(F.lit(mask)).alias(f"masked_{word}") for word, mask in masks.items()]
    masked = coded.select(*_carried(coded), *words, *bits)
    joined = masked.join(
        F.broadcast(local_frames.of_table(coded.sparkSession, classes)), [f"masked_{word}" for word in words], "inner"
    )
    return joined.select(CLASS, *words, *_carried(coded))


def _of_pupil(coded: DataFrame, recoded: Recoded) -> DataFrame:
    """The class of each pupil by its own hash, held together with its code: nobody else's class fits."""
    words = [partitions.word(word) for word in range(recoded.recoding.coding.words)]
    classes = classes_of(recoded)
    if not recoded.kept:  # the driver's own table, which fits into one
        classes = F.broadcast(classes)
    keyed = coded.select(*_carried(coded), *words, search_input.key().alias(partitions.KEY))
    named = classes.withColumnRenamed(partitions.CLASS, CLASS)
    joined = keyed.join(named, [partitions.KEY, *words], "inner")
    own = recoded.sensitive
    if own is not None:  # a value that came after a release is not taken along
        joined = joined.withColumn(VALUE, F.when(F.col(WITH_VALUE), F.col(VALUE)).otherwise(own.unknown))
    return joined.select(CLASS, *words, *_carried(coded), *([WITH_VALUE] if own is not None else []))


def _carried(coded: DataFrame) -> list[str]:
    """What a pupil takes along to its class."""
    return [name for name in (PUPIL, SCHOOL, OTHERS, BOARDS, VALUE) if name in coded.columns]
