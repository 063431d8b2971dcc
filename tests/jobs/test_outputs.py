"""The job `outputs` in processes of its own: a request from a researcher's folder to released files."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.jobs.conftest import PROJECT, TODAY, Done, Platform

from cohort.approvals import sign_document

TABLE = b"regio;leerlingen\nnoord;120\n"
HEAD = """
project = "leergroei"
researcher = "r.visser"
purpose = "Een artikel over groei."
[[files]]
name = "tabel.csv"
kind = "table"
columns = [{ name = "regio", role = "dimension", column = "provincie" }, { name = "leerlingen", role = "count" }]
"""
pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen (openssh-client) is not here")


@pytest.fixture
def office(tmp_path: Path) -> Platform:
    """A platform with a running project and two reviewers; nothing is taken in."""
    made = Platform(tmp_path)
    shutil.copytree(PROJECT / "conf", made.config)
    made.root.mkdir()
    made.change("conf/platform.toml", 'dir = "../.keys"', 'dir = "../keys"')
    made.change("conf/platform.toml", "review-outputs = []", 'review-outputs = ["a.jansen", "k.klaas"]')
    made.change("conf/platform.toml", "users = {}", 'users = { "a.jansen" = "jansen", "k.klaas" = "klaas" }')
    agreed = made.config / "projects" / "leergroei.toml"
    dates = {"starts": TODAY - dt.timedelta(days=9), "ends": TODAY + dt.timedelta(days=99)}
    lines = agreed.read_text(encoding="utf-8").splitlines()
    dated = [next((f"{k} = {d}" for k, d in dates.items() if x.startswith(f"{k} =")), x) for x in lines]
    agreed.write_text("\n".join(dated), encoding="utf-8")
    approvers = []
    for name in ("a.jansen", "k.klaas"):
        key = tmp_path / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        text = Path(f"{key}.pub").read_text(encoding="ascii").strip()
        bounds = 'namespaces="cohort-approval",valid-after="20200101",valid-before="20990101"'
        approvers.append(f"{name} {bounds} {text}\n")
    (made.config / "approvers").write_text("".join(approvers), encoding="utf-8")
    folder = tmp_path / "uitvoer"
    folder.mkdir()
    (folder / "request.toml").write_text(HEAD, encoding="utf-8")
    (folder / "tabel.csv").write_bytes(TABLE)
    return made


def ask(office: Platform, *arguments: str) -> Done:
    return office.ask("outputs", "--project", "leergroei", *arguments)


def decide(office: Platform, who: str) -> Done:
    form = office.root / "restricted" / "output_requests" / "leergroei" / "1" / "decisions.toml"
    text = form.read_text(encoding="utf-8").replace('decision = ""', 'decision = "approve"')
    text = text.replace("# [[overrule]]", "[[overrule]]").replace("# finding", "finding")
    filled = office.home / f"{who}.toml"
    filled.write_text(text.replace('# reason = ""', 'reason = "met de hand geteld"'), encoding="utf-8")
    asked = ask(office, "--decide", "1", "--decisions", str(filled))
    assert asked.code == 0, asked.stderr
    document = filled.with_name(asked.record["approval_document"])
    document.with_name(f"{document.name}.sig").write_bytes(sign_document(document.read_bytes(), office.home / who))
    return ask(office, "--decide", "1", "--decisions", str(filled))


def test_a_request_goes_the_whole_way(office: Platform) -> None:
    submitted = ask(office, "--submit", str(office.home / "uitvoer"))
    assert (submitted.code, submitted.record["state"]) == (0, "UNDER_REVIEW"), submitted.stderr
    assert ask(office, "--release", "1").code == 15
    first = decide(office, "a.jansen")
    assert (first.record["state"], first.record["reviews"]) == ("UNDER_REVIEW", 1), first.stderr
    assert "approve" not in first.stdout
    assert decide(office, "k.klaas").record["state"] == "APPROVED"
    assert ask(office, "--release", "1").record["state"] == "RELEASED"
    assert (office.root / "outputs" / "leergroei" / "1" / "tabel.csv").read_bytes() == TABLE
    assert ask(office, "--check", "1").code == 0
    assert [one["state"] for one in ask(office, "--list").record["requests"]] == ["RELEASED"]
    assert ask(office, "--return", "1", "--reason", "te laat").code == 15
    assert ask(office, "--withdraw", "1", "--reason", "een fout").record["state"] == "WITHDRAWN"
    assert not (office.root / "outputs" / "leergroei" / "1").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--list", "--release", "1"),
        ("--withdraw", "1"),
        ("--withdraw", "1", "--reason", "een\nregel"),
        ("--list", "--reason", "zomaar"),
        ("--decide", "1"),
        ("--list", "--decisions", "x.toml"),
        ("--submit", "nergens"),
    ],
)
def test_a_command_line_that_says_something_else_is_refused(office: Platform, arguments: tuple[str, ...]) -> None:
    done = office.run("outputs", "--project", "leergroei", *arguments, without_spark=True)
    assert done.code == 2, done.stderr
    assert done.record["refused"][0].startswith("Expected ")


def test_a_request_that_is_not_there_is_refused(office: Platform) -> None:
    assert office.run("outputs", "--project", "leergroei", "--release", "7", without_spark=True).code == 15
