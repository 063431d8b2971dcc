"""The kinds of refusal, each with the exit code that a job ends with, and the form of their sentences.

A refusal is foreseeable: the job prints one sentence per problem, without a traceback and without the value of a
person. Whatever else is raised is a defect of this software (exit code 70).
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import ClassVar

EXIT_DONE = 0
EXIT_DEFECT = 70


class Refusal(Exception):
    """A foreseeable reason not to go on.

    Args:
        problems: one sentence per problem, all problems at once, in the order in which they were found.

    Raises:
        ValueError: there is no sentence.
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
    """The command line, or a folder or file named on it, is wrong."""

    exit_code = 2


class ConfigurationRefused(Refusal):
    """A file of the configuration folder is missing or wrong."""

    exit_code = 10


class DeliveriesRefused(Refusal):
    """Deliveries cannot be ingested."""

    exit_code = 11


class ObjectionsRefused(Refusal):
    """A list of objections is wrong, or would erase more than the limits allow."""

    exit_code = 12


class KeyRefused(Refusal):
    """A project key is missing, unsafe, or may not be used in this session."""

    exit_code = 13


class NotAnonymous(Refusal):
    """A release does not satisfy its privacy model, or the verifier has findings."""

    exit_code = 14


class StateRefused(Refusal):
    """The state of a project or release, its dates, or a lock of another run do not allow the job."""

    exit_code = 15


class DestructionIncomplete(Refusal):
    """Something that should have been removed is still there."""

    exit_code = 16


class RightsRefused(Refusal):
    """Consent, instruction or access is lacking."""

    exit_code = 17


def describe_problem(what: str, *, example: str, found: str, where: str, do: str) -> str:
    """Write one problem in the form that every refusal has.

    Args:
        what: what was expected.
        example: an example of it.
        found: what was there instead, never a value of a person.
        where: the file, table or option.
        do: what to do next.

    Returns:
        `Expected <what>, for example <example>; found <found> in <where>. <Do>.`
    """
    return f"Expected {what}, for example {example}; found {found} in {where}. {do.rstrip('.')}."


def locate_defect(defect: BaseException) -> str:
    """Name the lines of our own code in which a defect was raised, innermost first.

    The message of the defect is left out, because it could hold a value of a person.
    """
    frames = [f for f in traceback.extract_tb(defect.__traceback__) if "site-packages" not in f.filename]
    return " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(frames[-4:]))


def unsupported_refusal(what: str, where: str, do: str) -> ConfigurationRefused:
    """Make the refusal of an option that a later version will support: it is never ignored in silence."""
    return ConfigurationRefused(f"{what} ({where}) is not supported yet. {do.rstrip('.')}.")
