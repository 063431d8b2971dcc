"""The zones under the storage root as paths; every path of the platform's data is named here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cohort.foundation import UsageRefused, describe_problem, unsupported_refusal

DECLARED_LISTS = ("objections", "consents", "instructions", "nummerwijzigingen")
"""The zones in which schools and the platform file declared lists."""


@dataclass(frozen=True)
class StorageZones:
    """The zones under one root, which is a folder on a local or mounted file system."""

    root: Path

    @property
    def deliveries(self) -> Path:
        """Files as schools send them."""
        return self.root / "deliveries"

    @property
    def objections(self) -> Path:
        """Lists of objections."""
        return self.root / "objections"

    @property
    def instructions(self) -> Path:
        """Lists of instructions of school boards."""
        return self.root / "instructions"

    @property
    def consents(self) -> Path:
        """Lists of consents."""
        return self.root / "consents"

    @property
    def number_changes(self) -> Path:
        """Lists of changed pupil numbers."""
        return self.root / "nummerwijzigingen"

    @property
    def restricted(self) -> Path:
        """Everything that identifies pupils, or that is exact."""
        return self.root / "restricted"

    @property
    def results(self) -> Path:
        """The table of accepted results."""
        return self.restricted / "results"

    @property
    def quarantine(self) -> Path:
        """The table of refused rows."""
        return self.restricted / "quarantine"

    @property
    def ledger(self) -> Path:
        """The table with a line per delivery."""
        return self.restricted / "deliveries"

    @property
    def scratch(self) -> Path:
        """Frames that ingestion keeps between two passes; removed at the end of a run and before the next one."""
        return self.restricted / "work"

    @property
    def supersession(self) -> Path:
        """Journal of the rows that a batch replaces; written before the ledger line, removed with the rows."""
        return self.restricted / "superseding"

    @property
    def locks(self) -> Path:
        """Lock files."""
        return self.restricted / "locks"

    @property
    def exact_records(self) -> Path:
        """Exact records of releases and their states, marks, and journals of running destructions."""
        return self.restricted / "records"

    @property
    def erasures(self) -> Path:
        """Journals of the rows that objections removed from the results, one per run."""
        return self.restricted / "erasures"

    @property
    def objection_registry(self) -> Path:
        """Every objection that each source ever filed; a newer list withdraws none of them."""
        return self.restricted / "objections"

    @property
    def opt_in_exclusions(self) -> Path:
        """Pupils that opt-in lists exclude, with the schools at which they were seen."""
        return self.restricted / "unlisted"

    def release_snapshots(self, project: str) -> Path:
        """What is kept of each release of a project, to compare the next release with."""
        return self.restricted / "released" / project

    def staging(self, project: str) -> Path:
        """The staged releases of a project."""
        return self.root / "staging" / project

    def staged_release(self, project: str, release: int) -> Path:
        """The table of one staged release."""
        return self.staging(project) / str(release)

    def published_table(self, project: str) -> Path:
        """The published table of a project."""
        return self.root / "projects" / project

    @property
    def public_records(self) -> Path:
        """Public records of releases, with rounded counts."""
        return self.root / "records"

    @property
    def public_register(self) -> Path:
        """The public register, which is made from the public records."""
        return self.root / "register"

    def school_feedback(self, school: str) -> Path:
        """Feedback to one school on its deliveries, with the page of uses and the receipts."""
        return self.root / "feedback" / school

    @property
    def intake_completed(self) -> Path:
        """The marker that the previous run of ingestion completed."""
        return self.school_feedback(".ended")

    @property
    def private_zones(self) -> tuple[Path, ...]:
        """The zones, beside `feedback`, that nobody but the platform's own user may enter."""
        return tuple(self.root / zone for zone in ("restricted", "staging", "deliveries", *DECLARED_LISTS))


MISREAD_PATH_CHARACTERS = frozenset("%*?[]{}\\#|^`")
"""Characters that Spark takes for a pattern, or deltalake for an escape, in the path of a table."""


def parse_storage_root(root: str) -> StorageZones:
    """Parse the storage root given on the command line.

    Args:
        root: a path or a `file:` URI.

    Raises:
        ConfigurationRefused: the URI has another scheme, which is not supported yet (exit code 10).
        UsageRefused: the root is not a folder, or its path has characters that readers of tables take for a pattern
            or an escape (exit code 2).
    """
    scheme, colon, rest = root.partition(":")
    is_uri = bool(colon) and len(scheme) > 1
    if is_uri and scheme != "file":
        raise unsupported_refusal(
            f"A storage root with the scheme '{scheme}:'", "--root", "Give a folder on a local or mounted file system"
        )
    path = Path("/" + rest.lstrip("/")) if is_uri else Path(root)
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
    absolute = path.resolve()
    misread = sorted({char for char in str(absolute) if char in MISREAD_PATH_CHARACTERS or not char.isprintable()})
    if misread:
        raise UsageRefused(
            describe_problem(
                "a folder with printable characters alone in its path, without "
                + " ".join(sorted(MISREAD_PATH_CHARACTERS)),
                example="--root /data/cohort",
                found=" ".join(ascii(char)[1:-1] if not char.isprintable() else char for char in misread),
                where="--root",
                do="Rename the folder",
            )
        )
    return StorageZones(absolute)
