"""The register and a destruction: no name of a table remains on the site, and the site shows the destruction."""

from __future__ import annotations

import json

import pytest
from tests.unit.drawn_records import make_release_record
from tests.unit.drawn_register import public_release, write_records
from tests.unit.test_project_destruction import NAME, Site, made, no_delta, site

from cohort.foundation.errors import DestructionIncomplete
from cohort.release_records import record_store
from cohort.release_records.release_states import ReleaseState
from cohort.transparency import public_register, school_uses, site_folder

__all__ = ["made", "no_delta", "site"]
"""Fixtures: a root with a project to destroy, quickly."""


@pytest.mark.usefixtures("no_delta")
def test_an_earlier_register_does_not_stop_a_destruction(site: Site) -> None:
    zones = site.zones
    for number, state in ((1, ReleaseState.SUPERSEDED), (2, ReleaseState.PUBLISHED)):
        write_records(zones.public_records, NAME, **{f"r{number}": public_release(number, state, project=NAME)})
        facts = {"class": "anonymous", "expires": "2027-12-31", "version": number, "schools": ["01AB"]}
        record_store.save_release_record(zones, make_release_record(NAME, number, state, **facts))
    for other in zones.public_records.iterdir():
        if other.name != NAME:
            (other / "2.json").unlink()
    site_folder.replace_site(zones.public_register, public_register.render_register(zones.public_records))
    school_uses.write_school_uses(zones)
    page = zones.public_register / "project" / f"{NAME}.html"
    assert "in gebruik" in page.read_text(encoding="utf-8")

    site.destroy()
    site_folder.replace_site(zones.public_register, public_register.render_register(zones.public_records))
    school_uses.write_school_uses(zones)

    assert "De gegevens zijn vernietigd op 31 december 2027" in page.read_text(encoding="utf-8")
    uses = json.loads((zones.school_feedback("01AB") / "gebruik.json").read_text(encoding="utf-8"))["uses"]
    assert [(use["project"], use["state"]) for use in uses] == [(NAME, "destroyed")]


@pytest.mark.usefixtures("no_delta")
def test_a_destruction_searches_the_site(site: Site) -> None:
    """Proves that the test before this one can fail."""
    zones = site.zones
    zones.public_register.mkdir()
    (zones.public_register / "index.html").write_text(f"<p>{NAME}-2</p>", encoding="utf-8")

    with pytest.raises(DestructionIncomplete, match=r"register/index\.html"):
        site.destroy()
