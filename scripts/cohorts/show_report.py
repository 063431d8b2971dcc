"""Print the report of a run in cluster mode as the job would have printed it here, and end with its exit code.

    show_report.py FILE        lines of progress on stderr, the record on stdout

Called by `scripts/submit` with the report that it fetched; a file that is no whole report ends with 75.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

EXIT_NO_REPORT = 75


def main(file: Path) -> int:
    """Print one report; returns the exit code of the job."""
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
        progress, record, code = list(report["progress"]), dict(report["record"]), int(report["exit_code"])
    except (OSError, ValueError, KeyError, TypeError):
        return EXIT_NO_REPORT
    for line in progress:
        print(line, file=sys.stderr)
    print(json.dumps(record, ensure_ascii=False, indent=2), flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
