"""What the difference between two releases shows: nesting, cohort extension, overlapping projects."""
