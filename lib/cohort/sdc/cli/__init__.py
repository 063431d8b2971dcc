"""The command `python -m cohort.sdc`: one recoding of a plain file for a disclosure analyst.

command_line         run_recoding_command: exit code, document on stdout, progress on stderr.
options              CommandOptions: the options as they were typed.
settings             RecodingSettings: what they mean together.
recoding_run         The steps of one run.
varied_options       VariedSetting: the settings of a comparison, each an override of the options.
settings_comparison  Several settings of one file side by side, on one page.
plain_files          Reader of plain files, CSV or Parquet, by column.
quasi_identifiers    Columns as a coding and codes of records.
contributors         RecordContributors: the schools or boards that know each record.
sensitive_column     SensitiveCells, and which classes show its values.
encoded_records      EncodedRecords: all of these for one file.
file_search          The search for classes of the records.
report               The report of a recoding.
attacks              The attacks on a release, where they are asked for.
released_records     The released file and the trace.
"""

from __future__ import annotations

from cohort.sdc.cli.command_line import run_recoding_command

__all__ = ["run_recoding_command"]
