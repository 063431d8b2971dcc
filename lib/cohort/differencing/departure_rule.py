"""How much smaller a class may become from one release to the next: by nobody, by k pupils or more, or whole.

Whoever subtracts two releases of one project sees, per class, who is gone. Those who left of their own
accord must hide among others: so further pupils are withdrawn until k are gone, and a class that would no
longer keep its own rules goes as a whole. A class that goes shows no more than it did when it was released.
Where a column is sensitive, the pupils of a class with a value and those without are counted as two classes.

    class   then   stay   gone of themselves   withdrawn (k = 10)   released
    0       40     40     0                    0                    40
    1       40     39     1                    9                    30
    2       40     28     12                   0                    28
    3       15     14     1                    14, the whole class  0

Nothing here knows a pupil: classes are counted, and the counts decide.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

ClassSizes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def count_withdrawals(then: ClassSizes, stay: ClassSizes, k: int) -> ClassSizes:
    """How many of those who could stay are withdrawn besides, per class.

    Takes: the pupils of each class in the release before, and how many of them could stay.
    Gives: as many as make k gone of them; all who could stay where fewer than k would be left.
    Refuses (as a defect): counts that are no counts of classes and of a part of them.
    """
    if then.shape != stay.shape or k < 1 or (stay < 0).any() or (stay > then).any():
        raise ValueError("no more pupils of a class stay than there were")
    gone = then - stay
    besides = np.where(gone > 0, np.maximum(k - gone, 0), 0)
    return np.where(stay - besides < k, stay, besides).astype(np.int64)


def require_hidden_departures(then: ClassSizes, now: ClassSizes, k: int) -> None:
    """Hold the outcome to the rule, per class and in total (a defect where it is broken)."""
    gone = then - now
    if (gone < 0).any() or ((gone > 0) & (gone < k) & (now > 0)).any():
        raise AssertionError("a class differs from the release before by fewer than k pupils")
    if 0 < gone.sum() < min(k, int(then[then > 0].min())):
        raise AssertionError("two releases differ by fewer than k pupils")
