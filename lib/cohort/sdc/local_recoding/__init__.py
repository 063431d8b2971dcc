"""Local recoding: every class has levels of its own.

local_search         search_local_recoding: the steps below, in order.
search_space         LocalSearchSpace: costs of units by level; ClassAssignment: the class of each unit so far.
level_sweep          Classes by a sweep over all level vectors, where there are few.
candidate_classes    CandidateClasses of the sweep; trimming of dominant schools.
cluster_search       Classes by rounds of clustering, where there are many level vectors.
cluster_formation    Blocks of near units, and clusters of k formed in them.
merge_cost           MergeCosts: the loss of two values at their lowest common ancestor.
school_quotas        Constraints on schools as quotas of a cluster of fixed size.
reclustering         Near classes pooled and clustered again.
unassigned_units     Units without a class join one, or are suppressed.
"""

from __future__ import annotations

from cohort.sdc.local_recoding.local_search import LOCAL_OBJECTIVES, search_local_recoding

__all__ = ["LOCAL_OBJECTIVES", "search_local_recoding"]
