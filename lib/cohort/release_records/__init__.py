"""The documents of a release: exact record and its states, public record and agreement, restricted class snapshot.

Jobs that make, publish, change or destroy a release write them here; every other package reads them. No Spark but for
the snapshot's pupils.
"""
