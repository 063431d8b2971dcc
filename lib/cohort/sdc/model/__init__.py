"""The data model of the engine: what a search works on and what it returns.

arrays                 Array types, and operations on grouped arrays.
hierarchy_files        Reader of hierarchy files in the format of ARX.
hierarchy              Hierarchy: the values that a leaf is generalised to, level by level.
coding                 Coding: all quasi-identifiers of a record in a few whole numbers; generalising is a bit mask.
histogram              Histogram: pupils counted per code and school.
equivalence_classes    EquivalenceClasses at one level vector, counted in pupils.
information_loss       InformationLoss of a recoding, as ARX counts it.
recoding               Recoding: the result of a search.
"""

from __future__ import annotations

from cohort.sdc.model.arrays import BoolArray, FloatArray, Int32Array, IntArray, RowsByKey, hash_codes, sum_by_group
from cohort.sdc.model.coding import CodeMask, Coding, LevelVector
from cohort.sdc.model.equivalence_classes import ClassSelection, DistinctCodes, EquivalenceClasses, mask_codes
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.sdc.model.hierarchy_files import UNKNOWN_VALUE
from cohort.sdc.model.histogram import NO_SCHOOL, Histogram
from cohort.sdc.model.information_loss import WeightedLoss, extra_leaves, most_extra_leaves, record_losses
from cohort.sdc.model.recoding import SUPPRESSED_CLASS, GeneralisedClasses, Recoding

__all__ = [
    "NO_SCHOOL",
    "SUPPRESSED_CLASS",
    "UNKNOWN_VALUE",
    "BoolArray",
    "ClassSelection",
    "CodeMask",
    "Coding",
    "DistinctCodes",
    "EquivalenceClasses",
    "FloatArray",
    "GeneralisedClasses",
    "Hierarchy",
    "Histogram",
    "Int32Array",
    "IntArray",
    "LevelVector",
    "Recoding",
    "RowsByKey",
    "WeightedLoss",
    "extra_leaves",
    "hash_codes",
    "mask_codes",
    "most_extra_leaves",
    "record_losses",
    "sum_by_group",
]
