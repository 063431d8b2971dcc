"""The files of a request folder: declared ones, others, links, names, sizes, kinds."""

from __future__ import annotations

from collections.abc import Iterator

from cohort.output_checking.checks.check_context import CheckContext
from cohort.output_checking.checks.file_contents import ALLOWED_KINDS, content_fits_ending, ending_of, recognise_content
from cohort.output_checking.checks.output_finding import OutputFinding
from cohort.output_checking.checks.part_finding import PartFinding, found
from cohort.output_checking.checks.personal_numbers import find_identifiers
from cohort.output_checking.request_declaration import REQUEST_FILE_NAME, DeclaredFile, RequestDeclaration
from cohort.storage import StoragePath

MEGABYTE = 1024 * 1024


def read_declared_files(
    folder: StoragePath, declaration: RequestDeclaration, context: CheckContext
) -> tuple[dict[str, bytes], list[OutputFinding]]:
    """Read the declared files that are there and may be read.

    Returns:
        The bytes of each, by name, and what was found about the folder.
    """
    findings = list(_check_folder(folder, declaration, context))
    contents = {}
    for number, file in enumerate(declaration.files, start=1):
        path = folder / file.name
        if any(find_identifiers(file.name, context.identifier_patterns)):
            findings.append(found("NAME_IDENTIFIES").in_file(f"file {number}"))
            continue
        if path.is_symlink():
            continue
        if not path.is_file():
            findings.append(found("MISSING_FILE").in_file(file.name))
            continue
        if path.stat().st_size > context.thresholds.megabytes_per_file * MEGABYTE:
            findings.append(found("TOO_LARGE", megabytes=context.thresholds.megabytes_per_file).in_file(file.name))
            continue
        content = path.read_bytes()
        problem = _check_kind(file, content)
        if problem is not None:
            findings.append(problem.in_file(file.name))
        else:
            contents[file.name] = content
    return contents, findings


def _check_folder(
    folder: StoragePath, declaration: RequestDeclaration, context: CheckContext
) -> Iterator[OutputFinding]:
    declared = {file.name for file in declaration.files} | {REQUEST_FILE_NAME}
    for number, path in enumerate(sorted(folder.iterdir()), start=1):
        names_nobody = not any(find_identifiers(path.name, context.identifier_patterns))
        name = path.name if names_nobody and path.name in declared else f"file {number}"
        if path.is_symlink():
            yield found("LINK").in_file(name)
        elif path.is_dir():
            yield found("FOLDER").in_file(name)
        elif path.name not in declared:
            yield found("NOT_DECLARED").in_file(name)
        if not names_nobody and path.name not in declared:
            yield found("NAME_IDENTIFIES").in_file(name)
    text = f"{declaration.purpose}\n{declaration.researcher}\n{declaration.project}"
    for code in find_identifiers(text, context.identifier_patterns):
        yield found(code, "declaration").in_file(REQUEST_FILE_NAME)


def _check_kind(file: DeclaredFile, content: bytes) -> PartFinding | None:
    ending = ending_of(file.name)
    if ending not in ALLOWED_KINDS or file.kind not in ALLOWED_KINDS[ending]:
        return found("FILE_TYPE", found=recognise_content(content))
    if not content:
        return found("EMPTY_FILE")
    if not content_fits_ending(content, ending):
        return found("CONTENT_NOT_ENDING", found=recognise_content(content))
    return None
