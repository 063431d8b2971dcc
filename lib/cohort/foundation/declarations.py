"""Read a declaration (TOML) strictly: unknown keys refused, all problems of a file told at once."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from cohort.foundation.errors import ConfigurationRefused, Refusal, describe_problem


class Declaration(BaseModel):
    """A frozen value read from a file; a key that nobody declared is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


EXAMPLE_DECLARATIONS = {
    "projects": "the template in conf/projects",
    "deliveries": "canoniek.toml in conf/deliveries",
    "objections": "the one in docs/objections.md",
    "instructions": "the one in docs/rights.md",
    "consents": "the one in docs/rights.md",
    "nummerwijzigingen": "the one in docs/schools.md",
}
"""Where a good declaration can be seen, by the folder that it stands in."""

D = TypeVar("D", bound=Declaration)


def _whole_too(given: object) -> object:
    return Decimal(given) if isinstance(given, int) and not isinstance(given, bool) else given


ExactNumber = Annotated[Decimal, BeforeValidator(_whole_too)]
"""An exact fraction; a whole one may be written without its point."""


def read_declaration(path: Path, kind: type[D], *, where: str, refusal: type[Refusal] = ConfigurationRefused) -> D:
    """One declaration from one TOML file.

    Takes: the file, the kind of declaration, and the name the file goes by in messages.
    Gives: the declaration, frozen; fractions as exact decimals.
    Refuses: a missing or unreadable file, broken TOML, unknown and missing keys, wrong values:
    every problem of the file in one refusal.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise refusal(
            describe_problem(
                "a readable UTF-8 file",
                example="one copied from the template beside it",
                found="none" if not path.exists() else "one that cannot be read",
                where=where,
                do="Put the file there, or name another folder with --config",
            )
        ) from None
    try:
        content = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as broken:
        raise refusal(
            describe_problem(
                "TOML",
                example="key = 'value'",
                found=f"text that is not ({broken})",
                where=where,
                do="Correct the line named",
            )
        ) from None
    try:
        return kind.model_validate(content)
    except ValidationError as found:
        raise refusal(*describe_validation_errors(found, kind, where)) from None


def several_problems(sentences: Iterable[str]) -> ValueError:
    """What a validator raises to tell several problems at once, each with `<where>` for the file's name."""
    return ValueError("\n".join(sentences))


def describe_validation_errors(found: ValidationError, kind: type[BaseModel], where: str) -> list[str]:
    """What pydantic found, in the house form; never the value that was found."""
    told = []
    for error in found.errors(include_url=False, include_input=False):
        place = ".".join(str(part) for part in error["loc"]) or "the file as a whole"
        told.extend(_sentence(error, place, kind, where).splitlines())
    return told


def _sentence(error: Any, place: str, kind: type[BaseModel], where: str) -> str:
    if error["type"] == "extra_forbidden":
        name = str(error["loc"][-1])
        known = _keys(kind, error["loc"][:-1])
        close = difflib.get_close_matches(name, known, n=1)
        return describe_problem(
            "only declared keys",
            example=close[0] if close else (known[0] if known else "none"),
            found=f"the unknown key {place}",
            where=where,
            do="Correct its spelling or remove it",
        )
    if error["type"] == "missing":
        return describe_problem(
            f"the key {place}",
            example=f"{place} = …",
            found="no such key",
            where=where,
            do="Add it; nothing that protects people has a default",
        )
    message = str(error["msg"]).removeprefix("Value error, ").replace("an instance of Decimal", "a number")
    if message.startswith("Expected "):
        return message.replace("<where>", where)
    return describe_problem(
        f"a valid {place}",
        example=_shown(where),
        found=f"an invalid value ({message})",
        where=where,
        do="Correct the value",
    )


def _shown(where: str) -> str:
    """Where a good one can be seen."""
    zone = where.partition("/")[0]
    return EXAMPLE_DECLARATIONS.get(zone, f"the {where} that comes with the project")


def _keys(kind: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    fields: Any = kind
    for part in path:
        if isinstance(part, int):
            continue
        field = getattr(fields, "model_fields", {}).get(part)
        fields = _model_in(field.annotation) if field is not None else None
    return [field.alias or name for name, field in getattr(fields, "model_fields", {}).items()]


def _model_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _model_in(argument)
        if found is not None:
            return found
    return None
