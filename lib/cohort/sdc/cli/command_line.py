"""The command `python -m cohort.sdc`: one recoding of a plain file, without Spark, for a disclosure analyst.

    python -m cohort.sdc --data FILE --hierarchies DIR --columns a,b,c --k 10 … --out FILE
    python -m cohort.sdc … --vary settings.toml --out page.html

It prints one JSON document on stdout, progress and refusals on stderr, and no value of a record anywhere but in the
released file. docs/disclosure-analyst.md says how to use it and what its document means.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cohort.foundation import EXIT_DEFECT, EXIT_DONE, Refusal
from cohort.sdc.cli.options import CommandOptions
from cohort.sdc.cli.recoding_run import COMMAND_NAME, run_recoding
from cohort.sdc.cli.settings_comparison import compare_settings


def run_recoding_command(arguments: Sequence[str] | None = None) -> int:
    """Run the command and print its document.

    Args:
        arguments: the command line; None is that of the process.

    Returns:
        The exit code: 0 done, 10 or 14 refused, another for a defect.
    """
    options = CommandOptions.parse(arguments)
    try:
        document = run_recoding(options) if options.vary is None else compare_settings(options)
    except Refusal as refusal:
        for problem in refusal.problems:
            print(f"{COMMAND_NAME}: {problem}", file=sys.stderr)
        _print_document({"refused": list(refusal.problems)}, refusal.exit_code)
        return refusal.exit_code
    except Exception as defect:
        print(f"{COMMAND_NAME}: a defect ({type(defect).__name__}) at {_locate_defect(defect)}", file=sys.stderr)
        _print_document({"defect": type(defect).__name__}, EXIT_DEFECT)
        return EXIT_DEFECT
    _print_document(document, EXIT_DONE)
    return EXIT_DONE


def _locate_defect(defect: BaseException) -> str:
    """The lines of our own code where a defect happened, deepest first; never its message, which may hold a value."""
    frames = [f for f in traceback.extract_tb(defect.__traceback__) if "site-packages" not in f.filename]
    return " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(frames[-4:]))


def _print_document(document: dict[str, Any], exit_code: int) -> None:
    whole = {"job": COMMAND_NAME, **document, "exit_code": exit_code}
    print(json.dumps(whole, ensure_ascii=False, indent=2, default=str), flush=True)
