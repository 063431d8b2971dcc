"""Files of a public table for people and programs, made from the edition's document and its cells alone.

In: the document and the cells. Out: per table a CSV for spreadsheets and metadata of its file of cells; per edition a
workbook and a page in Dutch and in English, and the list of checksums. No count that is not printed comes here.

    figure_grid      a table in rows and columns
    figure_texts     signs in the place of figures, and what a reader is told of an edition
    wide_csv         a table as a file that spreadsheets open
    workbook         all tables as a workbook
    cells_metadata   CSV on the Web metadata and code lists
    table_pictures   the picture of a table
    edition_page     the page of an edition
    file_writing     all files of an edition, with their checksums
"""

from __future__ import annotations

from cohort.table_files.figure_texts import explain_secret_figures
from cohort.table_files.file_writing import CHECKSUMS, write_table_files

__all__ = ["CHECKSUMS", "explain_secret_figures", "write_table_files"]
