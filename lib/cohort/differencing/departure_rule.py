"""How much smaller a class may become from one release to the next: by no pupil, by k pupils or more, or as a whole.

Whoever subtracts two releases of one project sees, per class, who is gone. Pupils who left must be hidden among
others: so further pupils are withdrawn until k are gone, and a class that would no longer satisfy its constraints goes
as a whole. A class that goes shows no more than it did when it was released. Where a column is sensitive, the pupils of
a class with a value and those without are counted as two classes.

    class   before   staying   gone   withdrawn (k = 10)   released
    0       40       40        0      0                    40
    1       40       39        1      9                    30
    2       40       28        12     0                    28
    3       15       14        1      14, the whole class  0

Only numbers per class come in and go out; no pupil is known here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

ClassSizes = npt.NDArray[np.int64]


def count_withdrawals(before: ClassSizes, staying: ClassSizes, k: int) -> ClassSizes:
    """Return how many pupils who could stay must be withdrawn, per class.

    Args:
        before: the pupils of each class in the published release.
        staying: how many of them could stay.
        k: the fewest pupils by which a class may shrink.
    Returns:
        As many as make k pupils gone, and all who could stay where fewer than k would remain.
    Raises:
        ValueError: more pupils stay than there were, or k is under 1.
    """
    if before.shape != staying.shape or k < 1 or (staying < 0).any() or (staying > before).any():
        raise ValueError("no more pupils of a class stay than there were")
    gone = before - staying
    withdrawn = np.where(gone > 0, np.maximum(k - gone, 0), 0)
    return np.where(staying - withdrawn < k, staying, withdrawn).astype(np.int64)


def require_hidden_departures(before: ClassSizes, released: ClassSizes, k: int) -> None:
    """Check the outcome against the rule, per class and in total.

    Args:
        before: the pupils of each class in the published release.
        released: the pupils of each class in the new release.
        k: the fewest pupils by which a class may shrink.
    Raises:
        AssertionError: the rule is broken, which is a defect.
    """
    gone = before - released
    if (gone < 0).any() or ((gone > 0) & (gone < k) & (released > 0)).any():
        raise AssertionError("a class differs from the release before by fewer than k pupils")
    if 0 < gone.sum() < min(k, int(before[before > 0].min())):
        raise AssertionError("two releases differ by fewer than k pupils")
