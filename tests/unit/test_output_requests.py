"""Requests of researchers to take results out: states, sealed reviews, release byte for byte, and every refusal."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.unit.drawn_environment import CONF, make_environment

from cohort.agreements import platform
from cohort.agreements.approval_settings import ApprovalSettings
from cohort.agreements.environment import Environment
from cohort.approvals import ssh_keygen
from cohort.foundation.errors import NotAnonymous, Refusal, StateRefused, UsageRefused
from cohort.output_checking import (
    request_checks,
    request_events,
    request_release,
    request_store,
    request_submission,
    reviews,
)
from cohort.output_checking.request_events import REQUEST_MOVES, OutputRequest, RequestFinding, RequestState
from cohort.storage.zone_paths import StorageZones

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
HEAD = """
project = 'proef'
researcher = 'r.visser'
purpose = 'Een artikel over groei in rekenen.'
[[files]]
name = "tabel.csv"
kind = "table"
columns = [{ name = "regio", role = "dimension", column = "regio" }, { name = "leerlingen", role = "count" }]
"""
TABLE = b"regio;leerlingen\nnoord;120\nzuid;140\n"
PROJECT = SimpleNamespace(name="proef", starts=dt.date(2026, 1, 1), ends=dt.date(2027, 1, 1))
SMALL = RequestFinding(code="SMALL_COUNT", severity="refuse", file="tabel.csv", place="row 2", parameters={"n": "3"})
needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen (openssh-client) is not here")


def find_nothing(subject: request_checks.CheckSubject, /) -> tuple[RequestFinding, ...]:
    assert (subject.folder / "request.toml").is_file()
    return ()


def finds(*findings: RequestFinding) -> request_checks.ContentCheck:
    def check(subject: request_checks.CheckSubject, /) -> tuple[RequestFinding, ...]:
        assert subject.request.files
        return findings

    return check


CLEAN: Mapping[str, request_checks.ContentCheck] = {"nothing": find_nothing}


@dataclass
class Office:
    """A root, a researcher's folder, and reviewers who need no key; `user` is who runs the job."""

    home: Path
    monkeypatch: pytest.MonkeyPatch
    checks: Mapping[str, request_checks.ContentCheck] = field(default_factory=lambda: CLEAN)
    required: bool = False
    now: dt.datetime = NOW

    @property
    def zones(self) -> StorageZones[Path]:
        return StorageZones(self.home / "root")

    @property
    def folder(self) -> Path:
        return self.home / "uitvoer"

    @property
    def stored(self) -> Path:
        return self.zones.output_request("proef", 1)

    @property
    def released(self) -> Path:
        return self.zones.released_outputs("proef", 1)

    def environment(self) -> Environment:
        names = ["a.jansen", "k.klaas", "r.visser", "p.pieters"]
        approvals = ApprovalSettings(
            required=self.required,
            actions={"publish-tables": [], "review-outputs": names},
            users={name: name.partition(".")[2] for name in names},
        )
        declared = platform.load_platform(CONF).model_copy(update={"approvals": approvals})
        return make_environment(self.zones, declared, self.now, self.home / "conf")

    def act_as(self, user: str) -> None:
        for module in (request_submission, request_checks, reviews, request_release):
            self.monkeypatch.setattr(module, "name_current_user", lambda: user)

    def load(self, number: int = 1) -> OutputRequest:
        return request_store.load_request(self.zones, "proef", number)

    def submit(self) -> OutputRequest:
        self.act_as("pieters")
        request = request_submission.submit_request(self.environment(), PROJECT, self.folder)
        return request_checks.check_request(self.environment(), request, self.checks)

    def write(self, change: Callable[[str], str] = lambda text: text, number: int = 1, to: str = "approve") -> Path:
        request = self.load(number)
        lines = [f"project = 'proef'\nrequest = {number}\nfindings = '{reviews.digest_findings(request)}'\n"]
        for file in reviews.list_output_files(request):
            reason = "" if to == "approve" else "cel 3 is te klein"
            lines.append(
                f"[[file]]\nname = '{file.name}'\nsha256 = '{file.sha256}'\ndecision = '{to}'\nreason = '{reason}'\n"
            )
        path = self.home / "besluiten.toml"
        path.write_text(change("".join(lines)), encoding="utf-8")
        return path

    def decide(self, who: str, change: Callable[[str], str] = lambda text: text, to: str = "approve") -> OutputRequest:
        self.act_as(who)
        review = reviews.read_decisions(self.write(change, to=to), None)
        return reviews.decide_request(self.environment(), self.load(), review)

    def release(self) -> OutputRequest:
        self.act_as("beheer")
        return request_release.release_request(self.environment(), PROJECT, self.load(), self.checks)

    def settle(self) -> None:
        request_release.settle_requests(self.environment(), "proef")


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    made = Office(tmp_path, monkeypatch)
    made.folder.mkdir()
    (made.folder / "request.toml").write_text(HEAD, encoding="utf-8")
    (made.folder / "tabel.csv").write_bytes(TABLE)
    return made


def overrule(finding: RequestFinding) -> Callable[[str], str]:
    return lambda text: f"{text}[[overrule]]\nfinding = '{finding.id}'\nreason = 'de cel is een structurele nul'\n"


def test_every_state_has_its_moves_and_is_reached_from_submitted() -> None:
    assert set(REQUEST_MOVES) == set(RequestState)
    reached, new = {RequestState.SUBMITTED}, {RequestState.SUBMITTED}
    while new:
        new = {there for here in new for there in REQUEST_MOVES[here]} - reached
        reached |= new
    assert reached == set(RequestState)


def test_nothing_is_released_but_what_was_approved() -> None:
    assert [here for here, there in REQUEST_MOVES.items() if RequestState.RELEASED in there] == [RequestState.APPROVED]
    assert REQUEST_MOVES[RequestState.RELEASED] == {RequestState.WITHDRAWN}


@pytest.mark.parametrize("here", RequestState)
def test_a_move_that_is_not_in_the_dict_is_refused(here: RequestState) -> None:
    event = request_events.RequestEvent(number=1, previous="", state=here, at="", by="x")
    request = OutputRequest("proef", 1, (event,))
    for there in RequestState:
        if there in REQUEST_MOVES[here]:
            request.require_move(there)
        else:
            with pytest.raises(StateRefused):
                request.require_move(there)


def test_the_whole_way_releases_the_submitted_bytes_with_a_manifest(office: Office) -> None:
    assert office.submit().state is RequestState.UNDER_REVIEW
    assert office.decide("jansen").state is RequestState.UNDER_REVIEW
    assert office.decide("klaas").state is RequestState.APPROVED
    assert office.release().state is RequestState.RELEASED
    assert {path.name for path in office.released.iterdir()} == {"tabel.csv", "manifest.json"}
    assert (office.released / "tabel.csv").read_bytes() == TABLE
    manifest = json.loads((office.released / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["files"] == [
        {"name": "tabel.csv", "bytes": len(TABLE), "sha256": hashlib.sha256(TABLE).hexdigest()}
    ]
    assert "visser" not in json.dumps(manifest)
    request_release.audit_released(office.environment(), office.load())


def test_what_waits_for_review_is_private(office: Office) -> None:
    office.submit()
    office.decide("jansen")
    open_to_others = [path for path in office.stored.rglob("*") if path.stat().st_mode & 0o077]
    assert open_to_others == []
    assert list(office.stored.rglob("*.toml"))


def test_the_first_decision_is_in_no_event_before_the_second(office: Office) -> None:
    office.submit()
    office.decide("jansen", to="reject")
    told = "".join(path.read_text(encoding="utf-8") for path in (office.stored / "events").iterdir())
    assert "reject" not in told
    assert "te klein" not in told
    with pytest.raises(StateRefused, match="two reviews"):
        reviews.load_reviews(office.zones, office.load())


@pytest.mark.parametrize(
    ("first", "second", "state"),
    [
        ("approve", "approve", RequestState.APPROVED),
        ("approve", "return", RequestState.RETURNED),
        ("approve", "reject", RequestState.RETURNED),
        ("return", "reject", RequestState.RETURNED),
        ("return", "return", RequestState.RETURNED),
        ("reject", "reject", RequestState.REJECTED),
    ],
)
def test_two_decisions_give_a_state(office: Office, first: str, second: str, state: RequestState) -> None:
    office.submit()
    office.decide("jansen", to=first)
    decided = office.decide("klaas", to=second)
    assert decided.state is state
    assert f"jansen: tabel.csv: {first}" in str(decided.events[-1].reason)
    assert f"klaas: tabel.csv: {second}" in str(decided.events[-1].reason)
    if state is not RequestState.APPROVED:
        with pytest.raises(StateRefused):
            office.release()
        assert not office.released.exists()


@pytest.mark.parametrize("who", ["pieters", "r.visser", "Pieters"])
def test_the_author_and_the_researcher_never_review(office: Office, who: str) -> None:
    office.submit()
    with pytest.raises(StateRefused, match="somebody else"):
        office.decide(who)


def test_a_reviewer_decides_once(office: Office) -> None:
    office.submit()
    office.decide("jansen", to="return")
    kept = (office.stored / "reviews" / "jansen.toml").read_bytes()
    with pytest.raises(StateRefused, match="one review of each reviewer"):
        office.decide("jansen")
    assert (office.stored / "reviews" / "jansen.toml").read_bytes() == kept


def test_nobody_decides_after_two(office: Office) -> None:
    office.submit()
    office.decide("jansen")
    office.decide("klaas", to="return")
    with pytest.raises(StateRefused):
        office.decide("smit")


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda text: text.replace("project = 'proef'", "project = 'ander'"), StateRefused),
        (lambda text: text.replace("request = 1", "request = 2"), StateRefused),
        (lambda text: text.replace("findings = '", "findings = 'a"), StateRefused),
        (lambda text: text.replace("sha256 = '", "sha256 = 'a"), StateRefused),
        (lambda text: text + text[text.index("[[file]]") :], UsageRefused),
        (lambda text: text[: text.index("[[file]]")] + "file = []\n", UsageRefused),
        (lambda text: text.replace("tabel.csv", "andere.csv"), UsageRefused),
        (lambda text: text.replace("'approve'", "'yes'"), UsageRefused),
        (lambda text: text.replace("'approve'", "'return'"), UsageRefused),
        (lambda text: text.replace("'approve'", "'reject'").replace("reason = ''", "reason = 'nee'"), UsageRefused),
        (lambda text: text + "opmerking = 'x'\n", UsageRefused),
        (lambda text: f"= {text}", UsageRefused),
        (lambda text: text + "[[overrule]]\nfinding = 'abc'\nreason = 'dit kan gerust'\n", UsageRefused),
    ],
)
def test_decisions_that_are_not_complete_and_right_are_refused(
    office: Office, change: Callable[[str], str], kind: type[Refusal]
) -> None:
    office.submit()
    before = len(office.load().events)
    with pytest.raises(kind) as refusal:
        office.decide("jansen", change)
    assert refusal.value.problems[0].startswith("Expected ")
    assert len(office.load().events) == before


def test_a_refusing_finding_needs_the_reason_of_both(office: Office) -> None:
    office.checks = {"counts": finds(SMALL)}
    office.submit()
    with pytest.raises(UsageRefused, match="SMALL_COUNT"):
        office.decide("jansen")
    office.decide("jansen", overrule(SMALL))
    with pytest.raises(UsageRefused, match="SMALL_COUNT"):
        office.decide("klaas")
    assert office.decide("klaas", overrule(SMALL)).state is RequestState.APPROVED
    assert office.release().state is RequestState.RELEASED


def test_a_finding_about_the_request_as_a_whole_stands_against_each_approval(office: Office) -> None:
    whole = SMALL.model_copy(update={"file": "request.toml"})
    office.checks = {"counts": finds(whole)}
    office.submit()
    with pytest.raises(UsageRefused, match="SMALL_COUNT"):
        office.decide("jansen")


def test_a_finding_to_look_at_does_not_stand_against_an_approval(office: Office) -> None:
    office.checks = {"counts": finds(SMALL.model_copy(update={"severity": "look"}))}
    office.submit()
    office.decide("jansen")
    assert office.decide("klaas").state is RequestState.APPROVED


def test_the_form_approves_nothing_until_it_is_filled_in(office: Office) -> None:
    office.checks = {"counts": finds(SMALL)}
    form = reviews.write_decision_form(office.zones, office.submit())
    with pytest.raises(UsageRefused):
        reviews.read_decisions(form, None)
    text = form.read_text(encoding="utf-8").replace('decision = ""', 'decision = "approve"')
    text = text.replace("# [[overrule]]", "[[overrule]]").replace("# finding", "finding")
    text = text.replace('# reason = ""', 'reason = "een structurele nul"')
    office.act_as("jansen")
    filled = office.home / "ingevuld.toml"
    filled.write_text(text, encoding="utf-8")
    review = reviews.read_decisions(filled, None)
    assert len(reviews.decide_request(office.environment(), office.load(), review).reviews) == 1


def test_without_checks_every_file_has_a_refusing_finding(office: Office) -> None:
    office.checks = {}
    request = office.submit()
    assert [(finding.code, finding.severity, finding.file) for finding in request.findings] == [
        ("NOT_CHECKED", "refuse", "tabel.csv")
    ]
    with pytest.raises(UsageRefused, match="NOT_CHECKED"):
        office.decide("jansen")


def test_what_was_released_between_review_and_release_counts(office: Office) -> None:
    """Two requests, each safe alone, are not safe together: the second one is returned when it would leave."""

    def differ(subject: request_checks.CheckSubject, /) -> tuple[RequestFinding, ...]:
        held = [(folder / "tabel.csv").is_file() for folder in subject.released_folders]
        return (SMALL,) if any(held) else ()

    office.checks = {"differences": differ}
    office.submit()
    office.submit()
    for number in (1, 2):
        for who in ("jansen", "klaas"):
            office.act_as(who)
            review = reviews.read_decisions(office.write(number=number), None)
            reviews.decide_request(office.environment(), office.load(number), review)
    office.release()
    with pytest.raises(NotAnonymous):
        request_release.release_request(office.environment(), PROJECT, office.load(2), office.checks)
    assert office.load(2).state is RequestState.RETURNED
    assert not office.zones.released_outputs("proef", 2).exists()


def test_a_withdrawn_release_stays_known_to_later_checks(office: Office) -> None:
    office.submit()
    office.decide("jansen")
    office.decide("klaas")
    office.release()
    request_release.withdraw_request(office.environment(), office.load(), "een fout in de tabel")
    assert not office.released.exists()
    assert [one.number for one in request_checks.find_ever_released(office.zones, "proef")] == [1]
    with pytest.raises(StateRefused):
        office.release()


@pytest.mark.parametrize("when", ["before review", "between reviews", "before release"])
def test_a_changed_byte_is_refused(office: Office, when: str) -> None:
    office.submit()
    if when != "before review":
        office.decide("jansen")
    if when == "before release":
        office.decide("klaas")
    (office.stored / "files" / "tabel.csv").write_bytes(TABLE.replace(b"120", b"121"))
    with pytest.raises(StateRefused, match="bytes that were submitted"):
        office.release() if when == "before release" else office.decide("klaas")
    assert not office.released.exists()


@pytest.mark.parametrize("what", ["file", "extra", "manifest"])
def test_a_released_file_that_changed_is_found(office: Office, what: str) -> None:
    office.submit()
    office.decide("jansen")
    office.decide("klaas")
    office.release()
    name = {"file": "tabel.csv", "extra": "meer.csv", "manifest": "manifest.json"}[what]
    (office.released / name).write_bytes(b"{}")
    with pytest.raises(StateRefused):
        request_release.audit_released(office.environment(), office.load())


def test_a_changed_review_is_refused_at_release(office: Office) -> None:
    office.submit()
    office.decide("jansen")
    office.decide("klaas")
    sealed = office.stored / "reviews" / "klaas.toml"
    sealed.write_text(sealed.read_text(encoding="utf-8") + "# \n", encoding="utf-8")
    with pytest.raises(StateRefused, match="as it was signed"):
        office.release()


@pytest.mark.parametrize("how", ["changed", "removed", "unreadable"])
def test_changed_events_are_refused(office: Office, how: str) -> None:
    office.submit()
    office.decide("jansen")
    first = office.stored / "events" / "000001.json"
    if how == "removed":
        first.unlink()
    else:
        first.write_text(
            first.read_text(encoding="utf-8").replace("pieters", "smit") if how == "changed" else "{", encoding="utf-8"
        )
    with pytest.raises(StateRefused, match="events of a request"):
        office.load()


def break_after(monkeypatch: pytest.MonkeyPatch, calls: int) -> None:
    """End the process, as far as a test can, when a file is written more often than this."""
    from cohort.storage.posix_store import PosixStore

    real = PosixStore.write_whole
    seen: list[int] = []

    def write_whole(self: PosixStore, *arguments: object, **named: object) -> None:
        if len(seen) >= calls:
            raise KeyboardInterrupt
        seen.append(1)
        real(self, *arguments, **named)

    monkeypatch.setattr(PosixStore, "write_whole", write_whole)


@pytest.mark.parametrize("writes", range(12))
def test_a_kill_at_any_write_leaves_a_request_that_continues(office: Office, writes: int) -> None:
    steps = [office.submit, lambda: office.decide("jansen"), lambda: office.decide("klaas"), office.release]
    with pytest.MonkeyPatch.context() as patched:
        break_after(patched, writes)
        try:
            for step in steps:
                step()
        except KeyboardInterrupt:
            pass
    office.settle()
    if not request_store.list_requests(office.zones, "proef"):
        office.submit()
    if office.load().state is RequestState.SUBMITTED:
        request_checks.check_request(office.environment(), office.load(), office.checks)
    for who in ("jansen", "klaas"):
        if who not in {event.by for event in office.load().reviews}:
            office.decide(who)
    office.settle()
    if office.load().state is RequestState.APPROVED:
        office.release()
    assert office.load().state is RequestState.RELEASED
    request_release.audit_released(office.environment(), office.load())
    assert request_store.list_requests(office.zones, "proef") == [1]


def test_a_release_that_cannot_be_completed_can_be_withdrawn(office: Office) -> None:
    office.submit()
    office.decide("jansen")
    office.decide("klaas")
    with pytest.MonkeyPatch.context() as patched:
        break_after(patched, 1)
        with pytest.raises(KeyboardInterrupt):
            office.release()
    assert office.load().state is RequestState.RELEASED
    (office.stored / "files" / "tabel.csv").write_bytes(TABLE.replace(b"120", b"121"))
    with pytest.raises(StateRefused, match="bytes that were submitted"):
        office.settle()
    request_release.settle_requests(office.environment(), "proef", withdrawn=1)
    request = request_release.withdraw_request(office.environment(), office.load(), "een veranderd bestand")
    assert request.state is RequestState.WITHDRAWN
    assert not office.released.exists()
    office.settle()


def link(folder: Path) -> None:
    (folder / "tabel.csv").unlink()
    (folder / "tabel.csv").symlink_to("/etc/hostname")


@pytest.mark.parametrize(
    "spoil",
    [
        link,
        lambda folder: (folder / "map").mkdir(),
        lambda folder: (folder / "leeg.csv").touch(),
        lambda folder: (folder / ".verborgen").write_text("x"),
        lambda folder: (folder / "manifest.json").write_text("{}"),
        lambda folder: (folder / "TABEL.csv").write_text("x"),
        lambda folder: (folder / "regel\nom.csv").write_text("x"),
        lambda folder: (folder / "groot.csv").write_bytes(b"x" * ((16 << 20) + 1)),
        lambda folder: [(folder / f"{n}.csv").write_text("x") for n in range(51)],
        lambda folder: [(folder / f"{n}.csv").write_bytes(b"x" * (15 << 20)) for n in range(5)],
        lambda folder: (folder / "request.toml").unlink(),
        lambda folder: (folder / "tabel.csv").unlink(),
        lambda folder: (folder / "request.toml").write_text("project = "),
        lambda folder: (folder / "request.toml").write_bytes(b"\xff\xfe"),
        lambda folder: (folder / "request.toml").write_text(HEAD.replace("proef", "ander")),
        lambda folder: (folder / "request.toml").write_text(HEAD.replace("r.visser", "")),
        lambda folder: (folder / "request.toml").write_text(HEAD.replace("purpose", "doel")),
        lambda folder: shutil.rmtree(folder),
    ],
)
def test_a_folder_that_is_no_request_is_refused_and_nothing_is_kept(
    office: Office, spoil: Callable[[Path], object]
) -> None:
    spoil(office.folder)
    with pytest.raises(UsageRefused) as refusal:
        office.submit()
    assert all(problem.startswith("Expected ") for problem in refusal.value.problems)
    assert not office.zones.output_requests("proef").exists()


@pytest.mark.parametrize("day", [dt.datetime(2025, 12, 31, tzinfo=dt.UTC), dt.datetime(2027, 1, 2, tzinfo=dt.UTC)])
def test_a_project_that_is_not_open_takes_no_request_and_releases_none(office: Office, day: dt.datetime) -> None:
    office.submit()
    office.decide("jansen")
    office.decide("klaas")
    late = replace(office, now=day)
    with pytest.raises(StateRefused, match="project that is open"):
        late.submit()
    with pytest.raises(StateRefused, match="project that is open"):
        late.release()


@pytest.fixture
def signing(office: Office) -> Office:
    office.required = True
    (office.home / "conf").mkdir()
    lines = []
    for name in ("jansen", "klaas", "pieters", "visser"):
        key = office.home / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(key)], check=True)
        text = key.with_suffix(".pub").read_text(encoding="ascii").strip()
        bounds = 'namespaces="cohort-approval",valid-after="20260101",valid-before="20270101"'
        lines.append(f"{name[0] if name != 'jansen' else 'a'}.{name} {bounds} {text}\n")
    text = "".join(lines).replace("v.visser", "r.visser")
    (office.home / "conf" / "approvers").write_text(text, encoding="utf-8")
    office.submit()
    return office


def sign_and_decide(
    office: Office, key: str, to: str = "approve", after: Callable[[str], str] | None = None
) -> OutputRequest:
    path = office.write(to=to)
    review = reviews.read_decisions(path, None)
    document = reviews.write_review_approval(office.load(), review)
    review.signature_path.write_bytes(ssh_keygen.sign_document(document.read_bytes(), office.home / key))
    if after is not None:
        path.write_text(after(path.read_text(encoding="utf-8")), encoding="utf-8")
    return reviews.decide_request(office.environment(), office.load(), reviews.read_decisions(path, None))


@needs_ssh
def test_reviewers_are_known_by_their_keys(signing: Office) -> None:
    sign_and_decide(signing, "jansen")
    assert sign_and_decide(signing, "klaas").state is RequestState.APPROVED
    events = signing.load().reviews
    assert [event.by for event in events] == ["a.jansen", "k.klaas"]
    assert all(str(event.key_fingerprint).startswith("SHA256:") for event in events)
    assert signing.release().state is RequestState.RELEASED


@needs_ssh
@pytest.mark.parametrize("key", ["pieters", "visser"])
def test_the_author_and_the_researcher_cannot_sign_a_review(signing: Office, key: str) -> None:
    with pytest.raises(StateRefused):
        sign_and_decide(signing, key)
    assert signing.load().reviews == ()


@needs_ssh
def test_decisions_that_changed_after_the_signature_are_refused(signing: Office) -> None:
    def approve(text: str) -> str:
        return text.replace("'return'", "'approve'")

    with pytest.raises(StateRefused):
        sign_and_decide(signing, "jansen", "return", approve)
    assert signing.load().reviews == ()


@needs_ssh
def test_one_key_does_not_review_twice(signing: Office) -> None:
    sign_and_decide(signing, "jansen")
    with pytest.raises(StateRefused, match="one review of each reviewer"):
        sign_and_decide(signing, "jansen")


@needs_ssh
def test_without_a_signature_there_is_no_review(signing: Office) -> None:
    review = reviews.read_decisions(signing.write(), None)
    reviews.write_review_approval(signing.load(), review)
    with pytest.raises(StateRefused):
        reviews.decide_request(signing.environment(), signing.load(), review)
