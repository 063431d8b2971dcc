"""The settings that `--vary` compares: each a small override of the options of the command.

In go the options and a TOML file; out come the settings, checked all at once.

    [[settings]]
    name = "k20"
    k = 20
    columns = ["geslacht", "thuistaal"]
    weights = { thuistaal = 2 }
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from cohort.foundation import ConfigurationRefused, Declaration, ExactNumber, read_declaration, several_problems
from cohort.sdc.cli.options import CommandOptions
from cohort.sdc.cli.settings import RecodingSettings, parse_settings

Level = Annotated[int, Field(ge=0)]


class VariedSetting(Declaration):
    """One setting; what it does not name is as the options say."""

    name: Annotated[str, Field(min_length=1, max_length=40)]
    columns: Annotated[list[str], Field(min_length=1)] | None = None
    k: int | None = None
    m: int | None = None
    max_share: ExactNumber | None = None
    k_others: int | None = None
    limit: ExactNumber | None = None
    recoding: Literal["global", "local"] | None = None
    objective: Literal["geometric", "mean", "class-size", "discernibility", "entropy"] | None = None
    weights: dict[str, ExactNumber] | None = None
    lowest: dict[str, Level] | None = None
    highest: dict[str, Level] | None = None

    def apply(self, options: CommandOptions) -> CommandOptions:
        """The options with what this setting names."""
        named: dict[str, Any] = {
            "k": self.k,
            "m": self.m,
            "k_others": self.k_others,
            "recoding": self.recoding,
            "objective": self.objective,
            "max_share": None if self.max_share is None else str(self.max_share),
            "limit": None if self.limit is None else str(self.limit),
            "columns": None if self.columns is None else ",".join(self.columns),
            "weights": None if self.weights is None else ",".join(_write_pairs(self.weights)),
            "lowest": None if self.lowest is None else _write_pairs(self.lowest),
            "highest": None if self.highest is None else _write_pairs(self.highest),
        }
        return replace(options, **{name: value for name, value in named.items() if value is not None})


class VariedSettings(Declaration):
    """The file of `--vary`."""

    settings: Annotated[list[VariedSetting], Field(min_length=1, max_length=24)]

    @model_validator(mode="after")
    def _distinct(self) -> VariedSettings:
        repeated = [name for name, times in Counter(one.name for one in self.settings).items() if times > 1]
        if repeated:
            raise several_problems(
                f"Expected every setting by a name of its own, for example k20; found `{name}` several times in "
                "<where>. Rename all but one."
                for name in repeated
            )
        return self


def load_varied_settings(options: CommandOptions) -> dict[str, RecodingSettings]:
    """Load the settings of `--vary`.

    Returns:
        The settings by name, in the order of the file.

    Raises:
        ConfigurationRefused: a file that cannot be used, options that do not fit together; all settings' problems at
            once (exit code 10).
    """
    if options.vary is None:
        raise TypeError("a comparison without its settings")
    declared = read_declaration(options.vary, VariedSettings, where=options.vary.name)
    settings, problems = dict[str, RecodingSettings](), list[str]()
    for one in declared.settings:
        try:
            settings[one.name] = parse_settings(one.apply(options))
        except ConfigurationRefused as refusal:
            problems += _name_setting(one.name, refusal)
    if problems:
        raise ConfigurationRefused(*problems)
    return settings


def _write_pairs(by_column: Mapping[str, object]) -> list[str]:
    """Numbers by column, as the options have them: `a=1`."""
    return [f"{column}={number}" for column, number in by_column.items()]


def _name_setting(name: str, refusal: ConfigurationRefused) -> Iterator[str]:
    yield from (f"Setting `{name}`: {problem}" for problem in refusal.problems)
