"""Why a row or a file is refused: the codes, and what a school reads with them."""

REASONS = {
    "ROW_BROKEN": "the line has another number of fields than the header",
    "BRIN_INVALID": "the school code is not two digits and two capitals",
    "BRIN_UNKNOWN": "the school is not on the school list",
    "VESTIGING_INVALID": "the site is not two digits",
    "YEAR_INVALID": "the school year is not two years in a row, such as 2024-2025",
    "PGN_MISSING": "there is no pupil number",
    "PGN_FILLER": "the pupil number is a filler",
    "PGN_INVALID": "the pupil number does not pass its proof",
    "TEST_UNKNOWN": "the test code (with its version) is not in the catalogue",
    "DATE_INVALID": "a date is not written as 2025-01-31",
    "DATE_OUTSIDE_YEAR": "the test date lies outside the school year",
    "DATE_IN_FUTURE": "the test date, or the school year, lies after the day of intake",
    "BIRTH_DATE_IMPLAUSIBLE": "the pupil would be younger than 3 or older than 21",
    "MOMENT_MISSING": "there is neither a test date nor a period",
    "MOMENT_INVALID": "the period is not B, M or E, or not the one of the test",
    "YEAR_GROUP_INVALID": "the year group is not in the code list",
    "SEX_INVALID": "the sex is not 0, 1, 2 or 9",
    "ATTRIBUTE_INVALID": "an attribute of the pupil is not in its code list",
    "SCORE_MISSING": "there is no score",
    "SCORE_NOT_A_NUMBER": "a score is not a whole number or one with a decimal comma",
    "SCORE_OUT_OF_RANGE": "the score lies outside the range of its scale",
    "LEVEL_INVALID": "a level is not A-E or I-V",
    "DUPLICATE": "the same line stands in the file before",
    "CONFLICT": "the file has two different lines for one result",
}
"""Every reason code of a row, with what a school reads."""

FILE_REASONS = {
    "FILE_NAME": "the file or its folder has a name with unusual characters, or one that begins with _ or .",
    "NOT_UTF8": "the file is not UTF-8",
    "NOT_TEXT": "the file holds bytes that no text has",
    "EMPTY": "the file has no rows",
    "HEADER_TWICE": "a column stands in the header twice",
    "HEADER_UNKNOWN": "the header lacks a column that every delivery has",
    "SEVERAL_SCHOOLS": "the file has rows of more than one school",
    "SCHOOL_UNKNOWN": "no row is of a school on the school list",
    "TOO_WIDE": "a line has more fields than any delivery has",
    "ROW_COUNT": "the file has another number of lines than could be read from it",
    "TOO_MANY_REFUSED": "more rows were refused than a file may have",
}
"""Every reason code of a file, with what a school reads."""
