"""Searches of parts of a cohort.

partitions     Partitions of a cohort too large for one search, and the search of one of them.
populations    Pupils with and without a sensitive value, searched separately and merged.
"""
