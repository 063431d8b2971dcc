"""`python -m cohort.sdc`: one recoding of a plain file, tried by a disclosure analyst."""

from __future__ import annotations

import sys

from cohort.sdc.cli import run_recoding_command

if __name__ == "__main__":
    sys.exit(run_recoding_command())
