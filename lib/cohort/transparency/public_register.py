"""The public register: a static site, and the fields of AVG article 30, from the open records alone.

The rooms, each knowing only those above it:

    facts         what the open records hold that the register may tell, as types
    readings      the open records, read strictly
    texts         every text, in Dutch and in English
    words         how a text, a day, a number is said in a language
    terms         the words of the data: columns, rules, counts
    style         how it looks, and the policy that lets nothing else in
    paper         a page: its elements, which escape what they hold, and its frame
    phrases       what a record says, in words
    drawings      the time of a project and the detail of its columns, as a picture
    article30     the register of processing, for machines
    index         the page of all projects
    project       the page of one project
    shelf         the site put in its place, as a whole
"""

from __future__ import annotations

import json
from pathlib import Path

from cohort.transparency import article30, index_page, project_page, record_reading, site_folder
from cohort.transparency.wording import LANGUAGES, path_to

check, mend, put = site_folder.check, site_folder.mend, site_folder.put


def made(records: Path) -> dict[str, bytes]:
    """Every file of the site by its path: the same bytes for the same records.

    Takes: the folder of open records; nothing else is looked at.
    Refuses: a record that cannot be read, or that holds what looks like a pupil's number or a school's code
    (exit code 15).
    """
    entries = record_reading.entries(records)
    files = {}
    for language in LANGUAGES:
        files[path_to("index", language)] = index_page.page(entries, language).encode()
        for entry in entries:
            files[path_to(f"project/{entry.name}", language)] = project_page.page(entry, language).encode()
    files[site_folder.MARK] = (json.dumps(article30.register(entries), ensure_ascii=False, indent=2) + "\n").encode()
    return files
