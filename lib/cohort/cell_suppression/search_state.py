"""How far a search has come: its cuts and its best pattern, as bytes that a killed run leaves for the next one.

A state belongs to one problem; of another one it is left alone. It has coefficients that follow from counts, so that it
is as restricted as these.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cohort.cell_suppression.cell_contributors import Numbers
from cohort.cell_suppression.suppression_problem import SuppressionProblem


@dataclass(frozen=True, eq=False)
class Cut:
    """A row of the master problem: coefficients of cells whose sum is at least `least`."""

    cells: Numbers
    coefficients: Numbers
    least: float


@dataclass(frozen=True, eq=False)
class SearchState:
    """What a search goes on from.

    Args:
        problem: the digest of the problem.
        cuts: its cuts.
        hidden: the best safe pattern; None without one.
    """

    problem: str
    cuts: tuple[Cut, ...]
    hidden: Numbers | None

    def to_bytes(self) -> bytes:
        """The state as bytes."""
        lengths = np.array([len(cut.cells) for cut in self.cuts], dtype=np.int64)
        empty = np.zeros(0)
        content = io.BytesIO()
        np.savez_compressed(
            content,
            problem=np.array(self.problem),
            lengths=lengths,
            cells=np.concatenate([empty.astype(np.int64), *(cut.cells for cut in self.cuts)]),
            coefficients=np.concatenate([empty, *(cut.coefficients for cut in self.cuts)]),
            least=np.array([cut.least for cut in self.cuts]),
            hidden=empty if self.hidden is None else self.hidden,
        )
        return content.getvalue()


def read_search_state(content: bytes) -> SearchState | None:
    """Read a state from bytes; None of bytes that are none, as after a kill."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            ends = np.cumsum(arrays["lengths"])[:-1]
            cells, coefficients = np.split(arrays["cells"], ends), np.split(arrays["coefficients"], ends)
            least = arrays["least"].tolist()
            cuts = tuple(Cut(*one) for one in zip(cells, coefficients, least, strict=True)) if least else ()
            hidden = arrays["hidden"].astype(bool)
            return SearchState(str(arrays["problem"]), cuts, hidden if len(hidden) else None)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def digest_problems(problems: Sequence[SuppressionProblem]) -> str:
    """The SHA-256 of everything that the cuts and patterns of a search follow from."""
    digest = hashlib.sha256()
    for problem in problems:
        relations, needs = problem.relations, problem.outsider_needs
        parts = [relations.indptr, relations.indices, relations.data, problem.value, problem.cost]
        parts += [needs.below, needs.above, problem.must_hide, problem.must_print]
        parts += [problem.room_below, problem.room_above]
        if problem.attackers is not None:
            own = problem.attackers.own
            parts += [own.indptr, own.indices, own.data]
        for part in parts:
            digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()
