"""The public register, the article 30 register and each school's page of uses.

In: the open records alone (for a school's own page, the exact ones). Out: a static site in Dutch and English, and
`register.json`. A record that is broken, or names a pupil or school, stops the register.
"""

from __future__ import annotations

from cohort.transparency.public_register import render_register
from cohort.transparency.school_uses import write_school_uses
from cohort.transparency.site_folder import check_site_folder, replace_site, restore_interrupted_site

__all__ = ["check_site_folder", "render_register", "replace_site", "restore_interrupted_site", "write_school_uses"]
