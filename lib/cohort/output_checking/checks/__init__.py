"""Automatic checks of output requests: files are read and compared with the published table, nothing is changed.

request_checks      all checks of one request
check_context       limits, and what a request is compared with
output_finding      one finding, and its sentence
finding_texts       the sentences, in Dutch and English
part_finding        a finding before its file is named
request_folder      declared files, others, links, names, sizes
file_contents       what a file really is
personal_numbers    numbers of pupils and schools in any text
table_reading       CSV and XLSX as rows with places
workbook_contents   what a workbook holds beside visible values
workbook_archive    bytes of a workbook that belong to none of its parts
workbook_styles     cells whose style hides what they hold
program_names       names of programs in metadata
figure_contents     what a PNG or SVG holds beside its picture
pdf_contents        what a PDF holds beside its picture
pupil_sets          which pupils of the published table a cell counts
table_cells         the cells of a table, counted again
cell_rules          rules for cells
pupil_lines         tables of one line per pupil
linked_bounds       differences, and bounds by linear programmes
regression_rules    rules for regressions, and results.json of acro
text_rules          rules for texts
"""

from __future__ import annotations

from cohort.agreements import OutputThresholds
from cohort.output_checking.checks.check_context import CheckContext, ReleasedCell
from cohort.output_checking.checks.finding_texts import FINDING_TEXTS
from cohort.output_checking.checks.output_finding import OutputFinding, describe_finding
from cohort.output_checking.checks.request_checks import check_request

__all__ = [
    "FINDING_TEXTS",
    "CheckContext",
    "OutputFinding",
    "OutputThresholds",
    "ReleasedCell",
    "check_request",
    "describe_finding",
]
