"""Declarations: TOML files read strictly into frozen pydantic models.

Every configuration file and declared list header is read here. An unknown key is refused, and all problems of a file
are reported at once, in sentences that never hold a value of the file.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any, Protocol, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from cohort.foundation.errors import ConfigurationRefused, Refusal, describe_problem


class Declaration(BaseModel):
    """A frozen value read from a file; a key that the model does not have is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


EXAMPLE_DECLARATIONS = {
    "projects": "the template in conf/projects",
    "deliveries": "canoniek.toml in conf/deliveries",
    "objections": "the one in docs/reference/objection-lists.md",
    "instructions": "the one in docs/reference/instructions-and-consents.md",
    "consents": "the one in docs/reference/instructions-and-consents.md",
    "nummerwijzigingen": "the one in docs/schools.md",
}
"""Where a correct declaration can be seen, by the folder in which the declaration stands."""

D = TypeVar("D", bound=Declaration)


def _accept_whole_number(value: object) -> object:
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


ExactNumber = Annotated[Decimal, BeforeValidator(_accept_whole_number)]
"""An exact decimal fraction; a whole number may be written without a decimal point."""


class TextFile(Protocol):
    """A text file, wherever it stands."""

    def exists(self) -> bool:
        """Whether it is there."""

    def read_text(self, encoding: str) -> str:
        """Its text."""


def read_declaration(path: TextFile, model: type[D], *, where: str, refusal: type[Refusal] = ConfigurationRefused) -> D:
    """Read one declaration from one TOML file.

    Args:
        path: the file.
        model: the declaration to read it into.
        where: the name of the file in messages.
        refusal: the refusal to raise.

    Returns:
        The declaration; its fractions are exact decimals.

    Raises:
        Refusal: the file is missing or unreadable, is not TOML, or has unknown keys, missing keys or wrong values;
            one refusal with every problem of the file.
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
    except tomllib.TOMLDecodeError as error:
        raise refusal(
            describe_problem(
                "TOML",
                example="key = 'value'",
                found=f"text that is not ({error})",
                where=where,
                do="Correct the line named",
            )
        ) from None
    try:
        return model.model_validate(content)
    except ValidationError as errors:
        raise refusal(*describe_validation_errors(errors, model, where)) from None


def several_problems(sentences: Iterable[str]) -> ValueError:
    """Make the error with which a pydantic validator reports several problems at once.

    Args:
        sentences: one problem each (`describe_problem`), with `<where>` in place of the name of the file.
    """
    return ValueError("\n".join(sentences))


def describe_validation_errors(errors: ValidationError, model: type[BaseModel], where: str) -> list[str]:
    """Write the errors that pydantic found as sentences, one per problem, without the values themselves."""
    sentences = []
    for error in errors.errors(include_url=False, include_input=False):
        key = ".".join(str(part) for part in error["loc"]) or "the file as a whole"
        sentences.extend(_describe_error(error, key, model, where).splitlines())
    return sentences


def _describe_error(error: Any, key: str, model: type[BaseModel], where: str) -> str:
    if error["type"] == "extra_forbidden":
        declared_keys = _declared_keys(model, error["loc"][:-1])
        similar_keys = difflib.get_close_matches(str(error["loc"][-1]), declared_keys, n=1)
        return describe_problem(
            "only declared keys",
            example=next(iter([*similar_keys, *declared_keys]), "none"),
            found=f"the unknown key {key}",
            where=where,
            do="Correct its spelling or remove it",
        )
    if error["type"] == "missing":
        return describe_problem(
            f"the key {key}",
            example=f"{key} = …",
            found="no such key",
            where=where,
            do="Add it; nothing that protects people has a default",
        )
    message = str(error["msg"]).removeprefix("Value error, ").replace("an instance of Decimal", "a number")
    if message.startswith("Expected "):
        return message.replace("<where>", where)
    folder = where.partition("/")[0]
    return describe_problem(
        f"a valid {key}",
        example=EXAMPLE_DECLARATIONS.get(folder, f"the {where} that comes with the project"),
        found=f"an invalid value ({message})",
        where=where,
        do="Correct the value",
    )


def _declared_keys(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    """List the keys that a model declares at a location of the file, in pydantic's form of a location."""
    current: Any = model
    for part in location:
        if isinstance(part, int):
            continue
        field = getattr(current, "model_fields", {}).get(part)
        current = _find_model(field.annotation) if field is not None else None
    return [field.alias or name for name, field in getattr(current, "model_fields", {}).items()]


def _find_model(annotation: Any) -> Any:
    """Find the pydantic model in an annotation such as `list[Model] | None`; None where there is none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        model = _find_model(argument)
        if model is not None:
            return model
    return None
