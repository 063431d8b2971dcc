"""The records of a plain file as a search works on them: codes, contributors, sensitive values.

In go the columns of the file and the settings; out comes `EncodedRecords`, or a refusal of what no search can mend.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cohort.foundation import NotAnonymous, describe_problem
from cohort.sdc.cli.contributors import RecordContributors, assign_boards, number_schools
from cohort.sdc.cli.options import CommandOptions
from cohort.sdc.cli.plain_files import PlainFile
from cohort.sdc.cli.quasi_identifiers import encode_quasi_identifiers, require_one_record_per_pupil
from cohort.sdc.cli.sensitive_column import SensitiveCells, encode_sensitive_column
from cohort.sdc.cli.settings import RecodingSettings
from cohort.sdc.model import Coding, Histogram, Int32Array, IntArray
from cohort.sdc.privacy_models import SchoolDiversity, minimum_class_size


@dataclass(frozen=True, eq=False)
class EncodedRecords:
    """The records of a file, encoded.

    Args:
        coding: the coding of the quasi-identifiers.
        codes: the code of every record, `[word, record]`.
        contributors: the schools or boards that know each record, where schools are given.
        schools_of_boards: the school of every record, where the contributors are boards.
        sensitive: the sensitive column, where there is one.
    """

    coding: Coding
    codes: IntArray
    contributors: RecordContributors | None
    schools_of_boards: Int32Array | None
    sensitive: SensitiveCells | None

    def histogram_by_school(self) -> Histogram | None:
        """Every record a unit, counted by school, where the contributors are boards; otherwise None."""
        if self.schools_of_boards is None:
            return None
        return Histogram.from_pupils(self.codes, self.schools_of_boards, single=True)

    def subset(self, members: IntArray) -> EncodedRecords:
        """Some of the records, in the order given."""
        return EncodedRecords(
            self.coding,
            np.atleast_2d(self.codes)[:, members],
            None if self.contributors is None else self.contributors.subset(members),
            None if self.schools_of_boards is None else self.schools_of_boards[members],
            None if self.sensitive is None else self.sensitive.subset(members),
        )

    def sorted_positions(self) -> IntArray:
        """The records in the order of their codes, schools and whether they have a sensitive value.

        Records that are equal in all of these are interchangeable in a search: a school has the same contributors in
        all its records.
        """
        keys = [*np.atleast_2d(self.codes)]
        if self.contributors is not None:
            keys.append(self.contributors.home if self.schools_of_boards is None else self.schools_of_boards)
        if self.sensitive is not None:
            keys.append(self.sensitive.has_value)
        return np.lexsort(keys[::-1])


def encode_records(file: PlainFile, settings: RecodingSettings, options: CommandOptions) -> EncodedRecords:
    """Encode the records of a file.

    Args:
        file: the columns that the settings name.
        settings: which column is what.
        options: where the hierarchy files are, and the input for messages.

    Raises:
        ConfigurationRefused: hierarchy files or columns that cannot be used (exit code 10).
        NotAnonymous: values without a leaf, records without a school, fewer records or schools than a class needs
            (exit code 14).
    """
    if settings.pupil is not None:
        require_one_record_per_pupil(file.columns[settings.pupil], settings.pupil)
    files = {column: options.hierarchy_file(column) for column in settings.columns}
    coding, codes = encode_quasi_identifiers(file.columns, files)
    schools, contributors = None, None
    if settings.schools is not None:
        schools = number_schools(file.columns[settings.schools], settings.schools)
        contributors = RecordContributors.from_schools(schools)
        if settings.boards is not None:
            contributors = assign_boards(schools, file.columns[settings.boards])
    sensitive = None
    if settings.sensitive is not None:
        sensitive = encode_sensitive_column(
            file.columns[settings.sensitive],
            settings.sensitive,
            ordered=settings.ordered,
            hierarchy_file=options.hierarchy_file(settings.sensitive),
        )
    _refuse_too_few(file, settings, contributors, str(options.data))
    return EncodedRecords(coding, codes, contributors, schools if settings.boards is not None else None, sensitive)


def _refuse_too_few(
    file: PlainFile, settings: RecodingSettings, contributors: RecordContributors | None, data: str
) -> None:
    """Refuse fewer records, schools or boards than the constraints ask of every class, before any search."""
    problems = []
    min_size = minimum_class_size(settings.constraints)
    if file.records < min_size:
        problems.append(
            describe_problem(
                f"at least {min_size:,} records, as the rules ask of every class",
                example="a whole cohort",
                found=f"{file.records:,}",
                where=data,
                do="Select more records, or ask less",
            )
        )
    min_schools = max((rule.m for rule in settings.constraints if isinstance(rule, SchoolDiversity)), default=1)
    schools = len(file.columns[settings.schools].values) if settings.schools is not None else min_schools
    counted = [("schools", schools, settings.schools)]
    if contributors is not None and settings.boards is not None and schools >= min_schools:
        counted.append(("boards", len(np.unique(contributors.home)), settings.boards))
    for what, number, column in counted:
        if number < min_schools:
            problems.append(
                describe_problem(
                    f"records of at least {min_schools:,} {what}, as the rules ask of every class",
                    example="a whole cohort",
                    found=f"{number:,}",
                    where=f"column {column}",
                    do=f"Select the records of more {what}, or ask less",
                )
            )
    if problems:
        raise NotAnonymous(*problems)
