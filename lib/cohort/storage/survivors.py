"""What a store keeps of removed files: snapshots and trash of HDFS, versions and parts of uploads on S3.

Destruction asks for it, and names what it finds.
A store that keeps earlier states out of the sight of its clients, as a local file system may, has nothing to ask:
`unseen` says so, and the certificate repeats it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Survivor:
    """Something removed that the store still has.

    Args:
        kind: what it is, as `snapshot`, `trash` or `version`.
        place: the address of the snapshot, of the folder in the trash, or of the folder with versions.
    """

    kind: str
    place: str


@dataclass(frozen=True)
class SurvivorSearch:
    """What a store was asked for, and what it has.

    Args:
        asked: what it was asked for, in words.
        found: what it has of the folders.
        unseen: what nobody can ask it, in words.
    """

    asked: tuple[str, ...]
    found: tuple[Survivor, ...]
    unseen: tuple[str, ...]
