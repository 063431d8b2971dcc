"""A published table as one Parquet file, or as CSV in UTF-8 with a schema: the values of the table as they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from pydantic import ConfigDict

from cohort.research_files import Codebook, CodebookVariable, read_published_batches
from cohort.storage import DocumentPart, StoragePath

_ARROW_TYPES: dict[str, pa.DataType] = {"bound": pa.int32(), "mean": pa.float64()}
"""The types of variables that are no text; class means are double numbers here, which every program reads."""
_FIELD_TYPES: dict[str, Literal["integer", "number"]] = {"bound": "integer", "mean": "number"}
RELEASE_KEY, SYNTHETIC_KEY = "cohort.release", "cohort.synthetic"
"""The keys in a Parquet file's footer that name the release, and that say of a twin that no row is a pupil."""
SYNTHETIC_NOTE = "Synthetic rows: no row is a pupil"


class CsvCategory(DocumentPart):
    """A value of a text field, and what it is called."""

    value: str
    label: str


class CsvField(DocumentPart):
    """A column of a CSV file; the keys are those of Table Schema (Frictionless Data)."""

    name: str
    type: Literal["string", "integer", "number"]
    title: str
    categories: tuple[CsvCategory, ...] = ()
    categoriesOrdered: bool = False  # noqa: N815 (a key of the standard)


class CsvDialect(DocumentPart):
    """How a CSV file is written."""

    delimiter: str = ","
    quoteChar: str = '"'  # noqa: N815 (a key of the standard)
    lineTerminator: str = "\n"  # noqa: N815 (a key of the standard)


class CsvSchema(DocumentPart):
    """The schema of an exported CSV file: a data resource with a Table Schema (Frictionless Data)."""

    model_config = ConfigDict(json_schema_extra={"$id": "csv-schema-1"})

    name: str
    description: str | None = None
    """Of the file of a twin, that its rows are synthetic."""
    path: str
    format: Literal["csv"] = "csv"
    encoding: Literal["utf-8"] = "utf-8"
    dialect: CsvDialect = CsvDialect()
    missingValues: tuple[str, ...] = ("",)  # noqa: N815 (a key of the standard)
    fields: tuple[CsvField, ...]


def write_parquet(table: StoragePath, book: Codebook, path: Path) -> None:
    """Write a table to one Parquet file of this machine, without statistics, like those of the table itself."""
    marks = {RELEASE_KEY: book.release} | ({SYNTHETIC_KEY: "true"} if book.synthetic else {})
    schema = _arrow_schema(book).with_metadata(dict(marks))
    with pq.ParquetWriter(path, schema, compression="zstd", write_statistics=False) as writer:
        for batch in _read_rows(table, book):
            writer.write_batch(batch)


def write_csv(table: StoragePath, book: Codebook, path: Path) -> None:
    """Write a table to a CSV file of this machine: a header, commas, texts in quotes, nothing for null."""
    style = pa.csv.WriteOptions(quoting_style="needed")
    with pa.csv.CSVWriter(path, _arrow_schema(book), write_options=style) as writer:
        for batch in _read_rows(table, book):
            writer.write_batch(batch)


def describe_csv(book: Codebook, language: str, file_name: str) -> CsvSchema:
    """Describe an exported CSV file, with the labels of a language."""
    return CsvSchema(
        name=book.release,
        description=SYNTHETIC_NOTE if book.synthetic else None,
        path=file_name,
        fields=tuple(
            CsvField(
                name=variable.name,
                type=_FIELD_TYPES.get(variable.kind, "string"),
                title=variable.label.in_language(language),
                categories=tuple(
                    CsvCategory(value=category.value, label=category.label.in_language(language))
                    for category in variable.categories
                ),
                categoriesOrdered=variable.ordered and variable.kind == "category",
            )
            for variable in book.variables
        ),
    )


def _arrow_schema(book: Codebook) -> pa.Schema:
    return pa.schema([(variable.name, _arrow_type(variable)) for variable in book.variables])


def _arrow_type(variable: CodebookVariable) -> pa.DataType:
    return _ARROW_TYPES.get(variable.kind, pa.string())


def _read_rows(table: StoragePath, book: Codebook) -> Iterator[pa.RecordBatch]:
    """Yield the rows with the columns of the codebook, and without what Spark noted in its files."""
    schema = _arrow_schema(book)
    for batch in read_published_batches(table, schema.names):
        columns = [batch.column(field.name).cast(field.type) for field in schema]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
