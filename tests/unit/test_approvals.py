"""Approvals: the signature of a second person by real keys of OpenSSH, and every attempt to do without."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.unit.drawn_environment import CONF, make_environment

from cohort.agreements import platform
from cohort.agreements.approval_settings import ApprovalSettings
from cohort.agreements.environment import Environment
from cohort.approvals import approval_check, approval_document, approvers_file, ssh_encoding, ssh_keygen
from cohort.foundation.errors import StateRefused, UsageRefused
from cohort.storage.zone_paths import StorageZones

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
SHA = hashlib.sha256(b"a;b\n").hexdigest()
LINE = '{principal} namespaces="{namespace}",valid-after="{after}",valid-before="{before}" {key}\n'
ROOT = CONF.parent

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen (openssh-client) is not here")


@dataclass
class Desk:
    """A configuration with two approvers, a document made by `pieters`, and Jansen's signature under it."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "conf"

    @property
    def document(self) -> Path:
        return self.folder / "approval.json"

    @property
    def signature(self) -> Path:
        return self.folder / "approval.json.sig"

    def key(self, name: str, kind: str = "ed25519") -> Path:
        path = self.folder / name
        if not path.exists():
            subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", name, "-f", str(path)], check=True)
        return path

    def line(
        self, principal: str, key: str, namespace: str = "cohort-approval", after: str = "20260101",
        before: str = "20270101",
    ) -> str:  # fmt: skip
        text = self.key(key).with_suffix(".pub").read_text(encoding="ascii").strip()
        return LINE.format(principal=principal, namespace=namespace, after=after, before=before, key=text)

    def approve(self, *lines: str) -> None:
        (self.config / "approvers").write_text("# approvers\n\n" + "".join(lines), encoding="utf-8")

    def write(self, **other: object) -> bytes:
        content = {"action": "publish-tables", "made_by": "pieters", **other}
        made = approval_document.make_approval_document(
            subject=content.pop("subject", "publication leerlingen edition 1"),
            checksums=content.pop("checksums", {"a.csv": SHA}),
            findings=["2 cells in 100 are hidden"],
            made_at=NOW,
            **content,
        )
        approval_document.write_approval_document(self.document, made)
        return self.document.read_bytes()

    def sign(self, key: str = "jansen", content: bytes | None = None) -> None:
        signed = self.document.read_bytes() if content is None else content
        self.signature.write_bytes(ssh_keygen.sign_document(signed, self.key(key)))

    def environment(self, now: dt.datetime = NOW, **settings: object) -> Environment:
        declared = {
            "required": True,
            "actions": {"publish-tables": ["a.jansen", "p.pieters"], "review-outputs": []},
            "users": {"a.jansen": "jansen", "p.pieters": "pieters", "k.klaas": "klaas"},
        }
        approvals = ApprovalSettings.model_validate(declared | settings)
        declared_platform = platform.load_platform(CONF).model_copy(update={"approvals": approvals})
        return make_environment(StorageZones(self.folder), declared_platform, now, self.config)

    def check(self, now: dt.datetime = NOW, **settings: object) -> approval_check.Approval:
        return approval_check.require_approval(
            self.environment(now, **settings), self.document, self.signature, "publish-tables", "pieters"
        )


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    made.config.mkdir()
    made.approve(made.line("a.jansen", "jansen"), made.line("p.pieters", "pieters"), made.line("k.klaas", "klaas"))
    made.write()
    made.sign()
    return made


def refused(desk: Desk, now: dt.datetime = NOW, **settings: object) -> str:
    with pytest.raises(StateRefused) as refusal:
        desk.check(now, **settings)
    (problem,) = refusal.value.problems
    assert problem.startswith("Expected ")
    assert problem.endswith(".")
    assert "AAAA" not in problem.replace("AAAA…", "")
    return problem


def test_the_signature_of_a_second_person_is_an_approval(desk: Desk) -> None:
    approval = desk.check()
    assert (approval.required, approval.principal, approval.at) == (True, "a.jansen", NOW)
    assert approval.document is not None
    assert approval.document.checksums == {"a.csv": SHA}
    shown = subprocess.run(["ssh-keygen", "-l", "-f", f"{desk.key('jansen')}.pub"], capture_output=True, check=True)
    assert approval.fingerprint == shown.stdout.decode().split()[1]


def test_a_key_of_another_kind_approves_too(desk: Desk) -> None:
    desk.key("jansen_ec", "ecdsa")
    desk.approve(desk.line("a.jansen", "jansen_ec"))
    desk.sign("jansen_ec")
    assert desk.check().principal == "a.jansen"


def test_one_person_may_have_two_keys(desk: Desk) -> None:
    desk.approve(desk.line("a.jansen", "old", before="20261001"), desk.line("a.jansen", "jansen"))
    assert desk.check().principal == "a.jansen"


def test_a_platform_that_requires_none_gets_an_approval_that_says_so(desk: Desk) -> None:
    desk.signature.unlink()
    approval = desk.check(required=False)
    assert (approval.required, approval.principal, approval.fingerprint) == (False, None, None)


def test_the_shipped_platform_requires_approvals_and_names_nobody() -> None:
    shipped = platform.load_platform(CONF).approvals
    assert (shipped.required, shipped.actions, shipped.users) == (
        True,
        {"publish-tables": [], "review-outputs": []},
        {},
    )
    assert approvers_file.read_approvers((CONF / "approvers").read_text(encoding="utf-8")) == ()


def no_signature(desk: Desk) -> None:
    desk.signature.unlink()


def no_document(desk: Desk) -> None:
    desk.document.unlink()


def no_approvers(desk: Desk) -> None:
    (desk.config / "approvers").unlink()


def signature_of_another_document(desk: Desk) -> None:
    first = desk.write()
    other = desk.write(subject="publication leerlingen edition 2")
    assert first != other
    desk.sign(content=first)


def changed_document(desk: Desk) -> None:
    desk.document.write_bytes(desk.document.read_bytes().replace(b"edition 1", b"edition 3"))


def another_form(desk: Desk) -> None:
    desk.document.write_bytes(desk.document.read_bytes().replace(b"\n", b" \n"))
    desk.sign()


def the_same_key_twice_in_json(desk: Desk) -> None:
    content = desk.document.read_bytes().replace(b'{\n  "action"', b'{\n  "action": "other",\n  "action"')
    desk.document.write_bytes(content)
    desk.sign()


def no_json(desk: Desk) -> None:
    desk.document.write_bytes(b"[" * 100_000)
    desk.sign()


def unknown_key(desk: Desk) -> None:
    desk.sign("stranger")


def unknown_key_with_a_known_comment(desk: Desk) -> None:
    key = desk.key("impostor")
    key.with_suffix(".pub").write_text(key.with_suffix(".pub").read_text().replace("impostor", "jansen"))
    desk.sign("impostor")


def not_yet_valid(desk: Desk) -> None:
    desk.approve(desk.line("a.jansen", "jansen", after="202611231201"))


def expired(desk: Desk) -> None:
    desk.approve(desk.line("a.jansen", "jansen", before="20261123"))


def expired_this_minute(desk: Desk) -> None:
    desk.approve(desk.line("a.jansen", "jansen", before="202611231200"))


def revoked_by_list(desk: Desk) -> None:
    public = f"{desk.key('jansen')}.pub"
    subprocess.run(["ssh-keygen", "-q", "-k", "-f", str(desk.config / "approvers.revoked"), public], check=True)


def revoked_by_line(desk: Desk) -> None:
    shutil.copy(f"{desk.key('jansen')}.pub", desk.config / "approvers.revoked")


def revoked_misspelt(desk: Desk) -> None:
    text = desk.key("jansen").with_suffix(".pub").read_text(encoding="ascii")
    (desk.config / "approvers.revoked").write_text(text.replace("ssh-ed25519", "ssh-ed2551"), encoding="ascii")


def revoked_list_cut_short(desk: Desk) -> None:
    revoked_by_list(desk)
    path = desk.config / "approvers.revoked"
    path.write_bytes(path.read_bytes()[:50])


def revoked_link_to_nowhere(desk: Desk) -> None:
    (desk.config / "approvers.revoked").symlink_to("nowhere")


def wrong_namespace(desk: Desk) -> None:
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f", str(desk.key("jansen")), str(desk.document)]
    desk.signature.unlink()
    subprocess.run(command, check=True, capture_output=True)


def namespace_rewritten(desk: Desk) -> None:
    """A signature for another purpose whose text claims to be an approval."""
    command = ["ssh-keygen", "-Y", "sign", "-n", "cohort-APPROVAL", "-f", str(desk.key("jansen"))]
    done = subprocess.run(command, check=True, capture_output=True, input=desk.document.read_bytes())
    lines = done.stdout.decode("ascii").splitlines()
    blob = base64.b64decode("".join(lines[1:-1])).replace(b"cohort-APPROVAL", b"cohort-approval")
    armour = [ssh_encoding.BEGIN, base64.b64encode(blob).decode("ascii"), ssh_encoding.END, ""]
    desk.signature.write_text("\n".join(armour), encoding="ascii")


def key_exchanged(desk: Desk) -> None:
    """A stranger's signature whose text claims to be of Jansen's key."""
    desk.sign("stranger")
    blobs = [
        base64.b64decode(desk.key(name).with_suffix(".pub").read_text(encoding="ascii").split()[1])
        for name in ("stranger", "jansen")
    ]
    lines = desk.signature.read_text(encoding="ascii").splitlines()
    blob = base64.b64decode("".join(lines[1:-1])).replace(blobs[0], blobs[1])
    armour = [ssh_encoding.BEGIN, base64.b64encode(blob).decode("ascii"), ssh_encoding.END, ""]
    desk.signature.write_text("\n".join(armour), encoding="ascii")


def own_signature(desk: Desk) -> None:
    desk.sign("pieters")


def made_by_another(desk: Desk) -> None:
    desk.write(made_by="klaas")
    desk.sign()


def principal_without_action(desk: Desk) -> None:
    desk.sign("klaas")


def principal_nobody_declared(desk: Desk) -> None:
    desk.approve(desk.line("z.zwart", "zwart"))
    desk.sign("zwart")


def another_action(desk: Desk) -> None:
    desk.write(action="publish-release")
    desk.sign()


def no_signature_at_all(desk: Desk) -> None:
    desk.signature.write_text("approved, A. Jansen\n", encoding="utf-8")


def empty_signature(desk: Desk) -> None:
    desk.signature.write_bytes(b"")


def wildcard(desk: Desk) -> None:
    desk.approve(desk.line("*", "jansen"))


def two_principals(desk: Desk) -> None:
    desk.approve(desk.line("a.jansen,p.pieters", "jansen"))


def any_namespace(desk: Desk) -> None:
    desk.approve(desk.line("a.jansen", "jansen", namespace="*"))


def no_options(desk: Desk) -> None:
    text = desk.key("jansen").with_suffix(".pub").read_text(encoding="ascii")
    desk.approve(f"a.jansen {text}")


def no_end(desk: Desk) -> None:
    desk.approve(desk.line("a.jansen", "jansen").replace(',valid-before="20270101"', ""))


def no_quotes(desk: Desk) -> None:
    desk.approve(desk.line("a.jansen", "jansen").replace('"', ""))


def hidden_behind_a_form_feed(desk: Desk) -> None:
    """A line that Python's own division into lines would find in a comment."""
    desk.approve("# a comment\x0c" + desk.line("a.jansen", "jansen"))


def authority(desk: Desk) -> None:
    desk.approve(desk.line("a.jansen", "jansen").replace("namespaces", "cert-authority,namespaces"))


def impossible_day(desk: Desk) -> None:
    desk.approve(desk.line("a.jansen", "jansen", before="20270230"))


def ends_before_it_begins(desk: Desk) -> None:
    desk.approve(desk.line("a.jansen", "jansen", before="20250101"))


def broken_key(desk: Desk) -> None:
    desk.approve(desk.line("a.jansen", "jansen").replace("AAAA", "AAAB"))


def rsa_key(desk: Desk) -> None:
    desk.key("jansen_rsa", "rsa")
    desk.approve(desk.line("a.jansen", "jansen_rsa"))
    desk.sign("jansen_rsa")


def key_of_two_people(desk: Desk) -> None:
    desk.approve(desk.line("a.jansen", "jansen"), desk.line("p.pieters", "jansen"))


def other_bytes(desk: Desk) -> None:
    (desk.config / "approvers").write_bytes(b"\xff\xfe\n")


ATTEMPTS: dict[Callable[[Desk], None], str] = {
    no_signature: "Expected the signature of a second person, ",
    no_document: "Expected the document to approve, ",
    no_approvers: "Expected the file of approvers, ",
    signature_of_another_document: "found one of other bytes",
    changed_document: "found one of other bytes",
    another_form: "found one in another form",
    the_same_key_twice_in_json: "found one in another form",
    no_json: "found one that is none",
    unknown_key: "found another key",
    unknown_key_with_a_known_comment: "found another key",
    not_yet_valid: "found one that is not valid yet",
    expired: "found one that has expired",
    expired_this_minute: "found one that has expired",
    revoked_by_list: "Expected a key that was not revoked",
    revoked_by_line: "Expected a key that was not revoked",
    revoked_misspelt: "in line 1 of conf/approvers.revoked",
    revoked_list_cut_short: "Expected a key that was not revoked",
    revoked_link_to_nowhere: "Expected the file of revoked keys",
    wrong_namespace: "found one that was made for another purpose",
    namespace_rewritten: "found one of other bytes",
    key_exchanged: "found one of other bytes",
    own_signature: "Expected the signature of a second person, ",
    made_by_another: "found that of somebody else",
    principal_without_action: "found that of k.klaas, who may not",
    principal_nobody_declared: "found that of z.zwart, who may not",
    another_action: "found one of another action",
    no_signature_at_all: "Expected a detached signature of OpenSSH",
    empty_signature: "Expected a detached signature of OpenSSH",
    wildcard: "found a principal that is not one plain name in line 3",
    two_principals: "found a principal that is not one plain name in line 3",
    any_namespace: "found another namespace in line 3",
    no_options: "found options other than",
    no_end: "found not all of the options",
    no_quotes: "each once and in quotes in line 3",
    hidden_behind_a_form_feed: "found another key",
    authority: "found options other than",
    impossible_day: "found a time that is not",
    ends_before_it_begins: "found a key that ends before it begins",
    broken_key: "found no public key of a kind that is taken",
    rsa_key: "found no public key of a kind that is taken",
    key_of_two_people: "found a key that stands on another line too in line 4",
    other_bytes: "found other bytes in conf/approvers",
}


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda attempt: attempt.__name__)
def test_an_attempt_without_the_approval_of_a_second_person_is_refused(
    desk: Desk, attempt: Callable[[Desk], None]
) -> None:
    assert desk.check().principal == "a.jansen", "the baseline is an approval"
    attempt(desk)
    assert ATTEMPTS[attempt] in refused(desk)


def test_a_machine_without_ssh_keygen_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(desk.folder))
    assert refused(desk).startswith("Expected the program ssh-keygen, ")


def test_a_program_that_says_yes_to_nothing_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    program = desk.folder / "bin" / "ssh-keygen"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexit 1\n", encoding="ascii")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    assert "found one of other bytes" in refused(desk)


def test_keys_end_by_utc_whatever_the_time_zone_of_the_machine(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.approve(desk.line("a.jansen", "jansen", after="202611231159", before="202611231201"))
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    assert desk.check().principal == "a.jansen"


def test_the_user_is_named_by_number_not_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    before = approval_check.name_current_user()
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody_else")
    assert approval_check.name_current_user() == before != "somebody_else"


def test_an_action_that_no_platform_knows_is_a_defect(desk: Desk) -> None:
    with pytest.raises(ValueError, match="no action"):
        approval_check.require_approval(desk.environment(), desk.document, desk.signature, "destroy", "pieters")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"users": {"a.jansen": "jansen"}}, "Expected an operating-system user for each approver"),
        ({"users": {"a.jansen": "jansen", "p.pieters": "jansen"}}, "found several for jansen"),
        ({"actions": {"publish-tables": [], "other": []}}, "found the unknown action other"),
        ({"actions": {}}, "found no publish-tables"),
        ({"actions": {"publish-tables": ["*"], "review-outputs": []}}, "String should match pattern"),
    ],
)
def test_settings_that_could_not_tell_two_people_apart_are_refused(
    desk: Desk, change: dict[str, object], problem: str
) -> None:
    with pytest.raises(ValueError, match=r"Expected|String should") as refusal:
        desk.environment(**change)
    assert problem in str(refusal.value)


@pytest.mark.parametrize("text", ["two\nlines", "\x1b[2J", " ", "back\rwards", "\u202eleft"])
def test_a_document_has_no_text_that_a_terminal_would_hide(desk: Desk, text: str) -> None:
    with pytest.raises(ValueError, match="one line of printable text"):
        desk.write(subject=text)


def test_no_checksum_no_document(desk: Desk) -> None:
    with pytest.raises(ValueError, match="at least 1 item"):
        desk.write(checksums={})


def approve(desk: Desk, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cohorts.approve", str(desk.document), *arguments],
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'lib'}:{ROOT / 'scripts'}"},
    )


def test_the_command_shows_what_one_signs_and_signs_it(desk: Desk) -> None:
    desk.signature.unlink()
    done = approve(desk, "--key", str(desk.key("jansen")), typed="publication leerlingen edition 1\n")
    assert done.returncode == 0, done.stderr
    for shown in ("publish-tables", "publication leerlingen edition 1", "pieters", SHA, "2 cells in 100 are hidden"):
        assert shown in done.stdout
    assert desk.check().principal == "a.jansen"


def test_the_command_signs_nothing_unless_the_subject_is_typed(desk: Desk) -> None:
    desk.signature.unlink()
    done = approve(desk, "--key", str(desk.key("jansen")), typed="yes\n")
    assert (done.returncode, desk.signature.exists()) == (15, False)


def test_the_command_compares_the_files_that_were_looked_at(desk: Desk) -> None:
    desk.signature.unlink()
    files = desk.folder / "files"
    files.mkdir()
    (files / "a.csv").write_text("a;b\n", encoding="utf-8")
    arguments = ("--key", str(desk.key("jansen")), "--files", str(files), "--yes")
    assert approve(desk, *arguments).returncode == 0
    (files / "a.csv").write_text("a;c\n", encoding="utf-8")
    done = approve(desk, *arguments)
    assert (done.returncode, done.stderr.count("\n")) == (15, 1)
    assert "Sign nothing" in done.stderr


def test_the_command_signs_by_an_agent_that_holds_the_key(desk: Desk) -> None:
    if shutil.which("ssh-agent") is None or shutil.which("ssh-add") is None:
        pytest.skip("ssh-agent (openssh-client) is not here")
    private = desk.key("jansen")
    script = (
        f"ssh-add -q {private} && mv {private} {private}.away && "
        f"{sys.executable} -m cohorts.approve {desk.document} --key {private}.pub --yes"
    )
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'lib'}:{ROOT / 'scripts'}"}
    desk.signature.unlink()
    done = subprocess.run(
        ["ssh-agent", "sh", "-c", script], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert desk.check().principal == "a.jansen"


def test_a_key_that_is_none_is_refused_without_a_traceback(desk: Desk) -> None:
    done = approve(desk, "--key", str(desk.folder / "nothing"), "--yes")
    assert done.returncode == UsageRefused.exit_code
    assert "Expected a key that signs" in done.stderr
    assert "Traceback" not in done.stderr
