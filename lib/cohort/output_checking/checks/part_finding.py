"""A finding about a part of one file, before the file's name is added."""

from __future__ import annotations

from typing import Literal, NamedTuple

from cohort.output_checking.checks.output_finding import OutputFinding


class PartFinding(NamedTuple):
    """What was found where in a file."""

    code: str
    place: str = ""
    severity: Literal["refuse", "look"] = "refuse"
    parameters: tuple[tuple[str, str], ...] = ()

    def in_file(self, name: str) -> OutputFinding:
        """The finding with the name of its file."""
        return OutputFinding(
            code=self.code, severity=self.severity, file=name, place=self.place, parameters=dict(self.parameters)
        )


def found(code: str, place: str = "", **parameters: object) -> PartFinding:
    """A finding that refuses."""
    return PartFinding(code, place, "refuse", tuple((name, str(value)) for name, value in parameters.items()))


def look(code: str, place: str = "", **parameters: object) -> PartFinding:
    """A finding that a reviewer looks at."""
    return PartFinding(code, place, "look", tuple((name, str(value)) for name, value in parameters.items()))
