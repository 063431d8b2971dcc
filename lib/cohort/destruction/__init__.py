"""The end of a project: inventory, removal, search for what is left, proof and certificate.

In: a project whose destruction was confirmed by name. Out: an inventory (dry run), or the certificate and nothing
else of the project. The verbs are `plan_destruction` and `destroy_project`; `search_files` finds byte strings in files
of any format.
"""

from __future__ import annotations

from cohort.destruction.project_destruction import destroy_project, plan_destruction

__all__ = ["destroy_project", "plan_destruction"]
