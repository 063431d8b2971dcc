"""The page of a report: its title and its limits. Self-contained: it has no script and loads nothing."""

from __future__ import annotations

from markupsafe import Markup, escape

from cohort.release_report.report_document import ReleaseReport


def render_report_page(report: ReleaseReport, language: str) -> str:
    """Return the page of a report.

    Args:
        report: the report, in either form.
        language: `nl` or `en`.
    """
    title = escape(f"{report.project} {report.release}")
    rows = Markup("").join(
        Markup("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>").format(
            limit.code, limit.column or "", "" if limit.figure is None else f"{limit.figure:.4f}", f"{limit.limit:.4f}"
        )
        for limit in report.risk.limits
    )
    return (
        f'<!doctype html><html lang="{escape(language)}"><head><meta charset="utf-8"><title>{title}</title></head>'
        f"<body><h1>{title}</h1><table>{rows}</table></body></html>\n"
    )
