"""Where everything stands under the storage root: the zones of the system, named once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cohort.foundation.errors import UsageRefused, describe_problem, unsupported_refusal


@dataclass(frozen=True)
class StorageZones:
    """The zones under one root, which is a folder on a local or mounted file system."""

    root: Path

    @property
    def deliveries(self) -> Path:
        return self.root / "deliveries"

    @property
    def objections(self) -> Path:
        return self.root / "objections"

    @property
    def instructions(self) -> Path:
        return self.root / "instructions"

    @property
    def consents(self) -> Path:
        return self.root / "consents"

    @property
    def restricted(self) -> Path:
        return self.root / "restricted"

    @property
    def results(self) -> Path:
        return self.restricted / "results"

    @property
    def quarantine(self) -> Path:
        return self.restricted / "quarantine"

    @property
    def ledger(self) -> Path:
        return self.restricted / "deliveries"

    @property
    def scratch(self) -> Path:
        """Frames that intake keeps between two passes: gone at the end of a run, swept before the next."""
        return self.restricted / "work"

    @property
    def supersession(self) -> Path:
        """Rows that a batch replaces, written down before the ledger's line and gone when they are."""
        return self.restricted / "superseding"

    @property
    def intake_completed(self) -> Path:
        """There between two runs of intake, if the first of them came to its end."""
        return self.school_feedback(".ended")

    @property
    def number_changes(self) -> Path:
        return self.root / "nummerwijzigingen"

    @property
    def locks(self) -> Path:
        return self.restricted / "locks"

    @property
    def exact_records(self) -> Path:
        """Exact counts, states of releases, journals of running destructions."""
        return self.restricted / "records"

    @property
    def erasures(self) -> Path:
        """What objections took out of the results, run by run."""
        return self.restricted / "erasures"

    @property
    def private_zones(self) -> tuple[Path, ...]:
        """The zones, beside `feedback`, that nobody but the platform's own user may enter."""
        lists = ("objections", "consents", "instructions", "nummerwijzigingen")
        zones = ("restricted", "staging", "deliveries", *lists)
        return tuple(self.root / zone for zone in zones)

    @property
    def objection_registry(self) -> Path:
        """What every source of objections ever filed: a newer list lifts none of it."""
        return self.restricted / "objections"

    @property
    def opt_in_exclusions(self) -> Path:
        """Pupils and the schools they were seen at, of schools that allow: their rows are not kept."""
        return self.restricted / "unlisted"

    @property
    def public_records(self) -> Path:
        """Rounded records for everybody."""
        return self.root / "records"

    def release_snapshots(self, project: str) -> Path:
        """What is kept of a project's releases to hold the next one against, release by release."""
        return self.restricted / "released" / project

    @property
    def public_register(self) -> Path:
        """The public register, made from the records."""
        return self.root / "register"

    def staging(self, project: str) -> Path:
        return self.root / "staging" / project

    def staged_release(self, project: str, release: int) -> Path:
        return self.staging(project) / str(release)

    def published_table(self, project: str) -> Path:
        return self.root / "projects" / project

    def school_feedback(self, school: str) -> Path:
        return self.root / "feedback" / school


MISREAD_PATH_CHARACTERS = frozenset("%*?[]{}\\#|^`")
"""What Spark takes for a pattern, and deltalake for an escape or worse, in the path of a table."""


def parse_storage_root(root: str) -> StorageZones:
    """The places under a root given on the command line.

    Takes: a path or a `file:` URI.
    Refuses: another scheme (not supported yet, exit code 10), a root that is no folder, one in whose path a
    reader of tables would see a pattern or an escape (exit code 2).
    """
    scheme, colon, rest = root.partition(":")
    if colon and scheme != "file" and len(scheme) > 1:
        raise unsupported_refusal(
            f"A storage root with the scheme '{scheme}:'", "--root", "Give a folder on a local or mounted file system"
        )
    path = Path("/" + rest.lstrip("/")) if colon and scheme == "file" else Path(root)
    if not path.is_dir():
        raise UsageRefused(
            describe_problem(
                "a folder",
                example="--root /data/cohort",
                found="none",
                where="--root",
                do="Make the folder, or correct the path",
            )
        )
    whole = path.resolve()
    if misread := sorted({char for char in str(whole) if char in MISREAD_PATH_CHARACTERS or not char.isprintable()}):
        raise UsageRefused(
            describe_problem(
                f"a folder with printable characters alone in its path, without {' '.join(sorted(MISREAD_PATH_CHARACTERS))}",
                example="--root /data/cohort",
                found=" ".join(ascii(char)[1:-1] if not char.isprintable() else char for char in misread),
                where="--root",
                do="Rename the folder",
            )
        )
    return StorageZones(whole)
