"""The kinds of refusal, each with the exit code that a job ends with.

A refusal is foreseeable: it is told in one sentence per problem, without a traceback and without the
value of a person. Whatever else is raised is a defect (exit code 70).
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import ClassVar

EXIT_DONE = 0
EXIT_DEFECT = 70


class Refusal(Exception):
    """A foreseeable reason not to go on.

    Takes: one sentence per problem, all problems at once, in the order found.
    Gives: `problems`, and `str()` with one problem a line.
    Refuses: to be raised without a sentence.
    """

    exit_code: ClassVar[int]

    def __init__(self, *problems: str) -> None:
        if not problems:
            raise ValueError("a refusal needs at least one sentence")
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(self.problems)


class UsageRefused(Refusal):
    exit_code = 2


class ConfigurationRefused(Refusal):
    exit_code = 10


class DeliveriesRefused(Refusal):
    exit_code = 11


class ObjectionsRefused(Refusal):
    exit_code = 12


class KeyRefused(Refusal):
    exit_code = 13


class NotAnonymous(Refusal):
    exit_code = 14


class StateRefused(Refusal):
    """The state of a project or release, its dates, or a lock held by another run."""

    exit_code = 15


class DestructionIncomplete(Refusal):
    exit_code = 16


class RightsRefused(Refusal):
    """Consent, instruction or access is lacking."""

    exit_code = 17


def describe_problem(what: str, *, example: str, found: str, where: str, do: str) -> str:
    """One problem in the house form.

    Takes: what was expected, an example of it, what was found (never a value of a person), the place
    (a file, table or option), and what to do next.
    Gives: `Expected …, for example …; found … in <where>. <Do>.`
    """
    return f"Expected {what}, for example {example}; found {found} in {where}. {do.rstrip('.')}."


def locate_defect(defect: BaseException) -> str:
    """Where in our own code a defect was raised, innermost first: its message could hold a value."""
    frames = [f for f in traceback.extract_tb(defect.__traceback__) if "site-packages" not in f.filename]
    return " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(frames[-4:]))


def unsupported_refusal(what: str, where: str, do: str) -> ConfigurationRefused:
    """The refusal of what a later version will do: nothing is silently left out."""
    return ConfigurationRefused(f"{what} ({where}) is not supported yet. {do.rstrip('.')}.")
