"""The zones under the storage root as paths; every path of the platform's data is named here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

from typing_extensions import TypeVar

from cohort.storage.storage_path import StoragePath

DECLARED_LISTS = ("objections", "consents", "instructions", "nummerwijzigingen")
"""The zones in which schools and the platform file declared lists."""


P_co = TypeVar("P_co", bound=StoragePath, covariant=True, default=StoragePath)
"""The type of the paths: of a local root, that of `pathlib`."""


@dataclass(frozen=True)
class StorageZones(Generic[P_co]):
    """The zones under one root, which is a folder on any store."""

    root: P_co

    @property
    def deliveries(self) -> P_co:
        """Files as schools send them."""
        return self.root / "deliveries"

    @property
    def objections(self) -> P_co:
        """Lists of objections."""
        return self.root / "objections"

    @property
    def instructions(self) -> P_co:
        """Lists of instructions of school boards."""
        return self.root / "instructions"

    @property
    def consents(self) -> P_co:
        """Lists of consents."""
        return self.root / "consents"

    @property
    def number_changes(self) -> P_co:
        """Lists of changed pupil numbers."""
        return self.root / "nummerwijzigingen"

    @property
    def restricted(self) -> P_co:
        """Everything that identifies pupils, or that is exact."""
        return self.root / "restricted"

    @property
    def results(self) -> P_co:
        """The table of accepted results."""
        return self.restricted / "results"

    @property
    def quarantine(self) -> P_co:
        """The table of refused rows."""
        return self.restricted / "quarantine"

    @property
    def ledger(self) -> P_co:
        """The table with a line per delivery."""
        return self.restricted / "deliveries"

    @property
    def scratch(self) -> P_co:
        """Frames that ingestion keeps between two passes; removed at the end of a run and before the next one."""
        return self.restricted / "work"

    @property
    def supersession(self) -> P_co:
        """Journal of the rows that a batch replaces; written before the ledger line, removed with the rows."""
        return self.restricted / "superseding"

    @property
    def store_document(self) -> P_co:
        """What was tried of the store at the first start."""
        return self.restricted / "store.json"

    @property
    def run_reports(self) -> P_co:
        """Reports of runs whose driver was on a node of a cluster."""
        return self.restricted / "reports"

    def run_report(self, run: str) -> P_co:
        """The report of one run."""
        return self.run_reports / f"{run}.json"

    @property
    def locks(self) -> P_co:
        """Lock files."""
        return self.restricted / "locks"

    @property
    def exact_records(self) -> P_co:
        """Exact records of releases and their states, marks, and journals of running destructions."""
        return self.restricted / "records"

    @property
    def erasures(self) -> P_co:
        """Journals of the rows that objections removed from the results, one per run."""
        return self.restricted / "erasures"

    @property
    def objection_registry(self) -> P_co:
        """Every objection that each source ever filed; a newer list withdraws none of them."""
        return self.restricted / "objections"

    @property
    def opt_in_exclusions(self) -> P_co:
        """Pupils that opt-in lists exclude, with the schools at which they were seen."""
        return self.restricted / "unlisted"

    def release_snapshots(self, project: str) -> P_co:
        """What is kept of each release of a project, to compare the next release with."""
        return self.restricted / "released" / project

    def preview(self, project: str) -> P_co:
        """The newest preview of a project's settings; it has exact counts."""
        return self.restricted / "previews" / project

    def exact_reports(self, project: str) -> P_co:
        """The exact reports of a project's releases."""
        return self.restricted / "release-reports" / project

    def open_reports(self, project: str) -> P_co:
        """The rounded report of a project's published release, which everybody may read."""
        return self.root / "reports" / project

    def staging(self, project: str) -> P_co:
        """The staged releases of a project."""
        return self.root / "staging" / project

    def staged_release(self, project: str, release: int) -> P_co:
        """The table of one staged release."""
        return self.staging(project) / str(release)

    def published_table(self, project: str) -> P_co:
        """The published table of a project."""
        return self.root / "projects" / project

    def research_files(self, project: str) -> P_co:
        """What stands beside the published table of a project for its readers: the codebook, and exported files."""
        return self.root / "files" / project

    def twin(self, project: str) -> P_co:
        """The twin of a project: synthetic rows, which everybody may read."""
        return self.root / "twins" / project

    def twin_table(self, project: str) -> P_co:
        """The table of a twin."""
        return self.twin(project) / "table"

    @property
    def exact_publications(self) -> P_co:
        """Exact records of the editions of publications, and the counts per school that they were made from."""
        return self.restricted / "publications"

    def exact_edition(self, publication: str, edition: int) -> P_co:
        """What is exact of one edition of a publication."""
        return self.exact_publications / publication / str(edition)

    @property
    def staged_publications(self) -> P_co:
        """The files of editions before they are published."""
        return self.root / "staging" / "publications"

    def staged_edition(self, publication: str, edition: int) -> P_co:
        """The files of one edition of a publication before it is published."""
        return self.staged_publications / publication / str(edition)

    @property
    def published_publications(self) -> P_co:
        """The published files of all editions, which everybody may read."""
        return self.root / "publications"

    def published_edition(self, publication: str, edition: int) -> P_co:
        """The published files of one edition, which everybody may read."""
        return self.published_publications / publication / str(edition)

    def output_requests(self, project: str) -> P_co:
        """The requests of a project's researchers to take results out: their files, events and reviews."""
        return self.restricted / "output_requests" / project

    def output_request(self, project: str, number: int) -> P_co:
        """One request."""
        return self.output_requests(project) / str(number)

    def released_outputs(self, project: str, number: int) -> P_co:
        """The released files of one request, which everybody may read."""
        return self.root / "outputs" / project / str(number)

    @property
    def differential_privacy(self) -> P_co:
        """What was spent of the privacy budget, and the noisy figures that were bought with it."""
        return self.restricted / "differential_privacy"

    @property
    def privacy_budget_ledger(self) -> P_co:
        """The ledger of the privacy budget."""
        return self.differential_privacy / "ledger.json"

    def noisy_figures(self, spending: str) -> P_co:
        """The noisy figures of one spending, by its digest."""
        return self.differential_privacy / "figures" / f"{spending}.json"

    @property
    def public_records(self) -> P_co:
        """Public records of releases, with rounded counts."""
        return self.root / "records"

    @property
    def public_register(self) -> P_co:
        """The public register, which is made from the public records."""
        return self.root / "register"

    def school_feedback(self, school: str) -> P_co:
        """Feedback to one school on its deliveries, with the page of uses and the receipts."""
        return self.root / "feedback" / school

    @property
    def intake_completed(self) -> P_co:
        """The marker that the previous run of ingestion completed."""
        return self.school_feedback(".ended")

    @property
    def private_zones(self) -> tuple[P_co, ...]:
        """The zones, beside `feedback`, that nobody but the platform's own user may enter."""
        return tuple(self.root / zone for zone in ("restricted", "staging", "deliveries", *DECLARED_LISTS))
