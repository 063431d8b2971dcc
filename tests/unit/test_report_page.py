"""The page of a release report: it says what the document says, in both forms and languages, and needs nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from lxml import etree, html
from tests.unit.drawn_browser import CHROMIUM, Browser, browser
from tests.unit.drawn_report_page import (
    COLUMNS,
    ESTIMATORS,
    draw_minimal_report,
    draw_report,
    draw_rounded_report,
    limit,
)

from cohort.pages import load_language
from cohort.release_report import Estimate, ReleaseReport, render_report_page
from cohort.release_report.report_document import ReportForm
from cohort.release_report.report_phrases import ReportPhrases
from cohort.release_report.report_summary import judge_limits, list_key_figures
from cohort.release_report.report_texts import INTRUDERS, KNOWLEDGE, LIMITS, NOTES

LANGUAGES = ("nl", "en")
DRAWINGS: dict[str, Callable[[], ReleaseReport]] = {
    "exact": draw_report,
    "rounded": draw_rounded_report,
    "minimal": draw_minimal_report,
}
ATTACK = "</title><script>alert(1)</script><img src=x onerror=alert(2)>\" ' & 5 < 6 \x00\x0b $x$ 漢字"
NOTHING = {"nl": {"niet gemeten", "verborgen", "–"}, "en": {"not measured", "hidden", "–"}}


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def parse(report: ReleaseReport, language: str) -> Any:
    return html.fromstring(render_report_page(report, language).encode())


def tables(page: Any) -> dict[str, list[list[str]]]:
    """The rows of every table, by its caption without the unit; a row is its head and the texts of its cells."""
    found = {}
    for table in page.xpath("//table"):
        caption = " ".join(table.xpath("string(caption/text())").split())
        found[caption] = [
            [" ".join(cell.text_content().split()) for cell in row.xpath("th|td")] for row in table.xpath("tbody/tr")
        ]
    return found


def table(page: Any, nl: str, en: str) -> list[list[str]]:
    return tables(page)[nl if page.get("lang") == "nl" else en]


def assert_tells(text: str, value: float | None, language: str, times: float = 1.0) -> None:
    """A cell has the figure of the document to the last digit that it shows; one that is None is not a number."""
    if value is None:
        assert text in NOTHING[language]
        return
    shown = re.match(r"(?:(?:ongeveer|about) )?([+-]?[\d.,]+)", text.replace("\u00a0", " "))
    assert shown is not None, text
    thousands, decimal = (".", ",") if language == "nl" else (",", ".")
    digits = shown.group(1).replace(thousands, "").replace(decimal, ".")
    places = len(digits.partition(".")[2])
    assert abs(float(digits) - value * times) <= 0.5 * 10**-places + 1e-9, (text, value)


@pytest.mark.parametrize("form", ["exact", "rounded"])
def test_counts_columns_and_class_sizes_are_those_of_the_document(form: str, language: str) -> None:
    report = DRAWINGS[form]()
    page = parse(report, language)
    counts = report.counts
    expected = [
        *(counts.records, counts.released, counts.suppressed, counts.objected),
        *(counts.without_instruction, counts.set_aside, counts.withdrawn, counts.schools),
    ]
    for (_, shown), count in zip(table(page, "Leerlingen", "Pupils"), expected, strict=True):
        assert_tells(shown, count, language)
    rows = table(page, "Kolommen", "Columns")
    for row, column in zip(rows, report.columns, strict=False):
        label = column.label_nl if language == "nl" else column.label_en
        assert row[0].startswith(label)
        assert column.column in row[0]
        assert_tells(row[1], column.loss, language, 100)
        shown_levels = re.findall(r"(\d+) \((.*?)\): ([\d.,]+)", row[2])
        assert [(int(level), example) for level, example, _ in shown_levels] == [
            (at.level, at.example) for at in column.levels
        ]
        for (*_, share), at in zip(shown_levels, column.levels, strict=True):
            assert_tells(share, at.share, language, 100)
    assert_tells(rows[-1][1], report.mean_loss, language, 100)
    for row, sizes in zip(
        table(page, "Klassen naar grootte", "Classes by their size"), report.class_sizes, strict=True
    ):
        assert row[0].startswith(str(sizes.smallest))
        assert_tells(row[1], sizes.classes, language)
        assert_tells(row[2], sizes.pupils, language)


@pytest.mark.parametrize("form", ["exact", "rounded"])
def test_risk_figures_are_those_of_the_document(form: str, language: str) -> None:
    report = DRAWINGS[form]()
    page, risk = parse(report, language), report.risk
    for row, one in zip(table(page, "Indringers", "Intruders"), risk.intruders, strict=True):
        assert row[0].startswith(load_language(language).gettext(INTRUDERS[one.kind]))
        assert ("sterkste" in row[0] or "strongest" in row[0]) == (one.kind == "board")
        assert_tells(row[1], one.left_at_least, language)
        for shown, share in zip(row[2:], (one.chance_at_most, one.mean_chance, one.over_one_in_k), strict=True):
            assert_tells(shown, share, language, 100)
    inference, downcoding, sensitive = risk.inference, risk.downcoding, risk.sensitive
    assert inference is not None
    assert downcoding is not None
    assert sensitive is not None
    attributes = ", ".join(inference.attributes)
    from_attributes = table(
        page,
        f"Een kolom geraden uit alleen kenmerken: {attributes}",
        f"A column guessed from attributes only: {attributes}",
    )
    from_others = table(page, "Een kolom geraden uit alle andere kolommen", "A column guessed from all other columns")
    attacks = table(page, "Uitlichten en koppelen", "Singling out and linking")
    attacked = [one.rates for one in (*inference.attributes_only, *inference.all_but_one_known)]
    rows = [*from_attributes, *from_others, *attacks]
    for row, rates in zip(rows, [*attacked, inference.singling_out, inference.linkability], strict=True):
        for shown, share in zip(row[1:4], (rates.inside, rates.outside, rates.difference), strict=True):
            assert_tells(shown, share, language, 100)
        low, high = re.fullmatch(r"\[(.*); (.*)\]", row[4]).groups()  # type: ignore[union-attr]
        assert_tells(low, rates.low, language, 100)
        assert_tells(high, rates.high, language, 100)
        assert_tells(row[5], rates.attempts, language)
    shown_downcoding = [row[1] for row in table(page, "Waarden achter brede labels", "Values behind wide labels")]
    assert_tells(shown_downcoding[0], downcoding.cells, language)
    shares = (downcoding.marginal, downcoding.informed, downcoding.gain, downcoding.ceiling, downcoding.sure)
    for shown, share in zip(
        shown_downcoding[1:], (*shares, downcoding.newly_sure, downcoding.newly_sure_right), strict=True
    ):
        assert_tells(shown, share, language, 100)
    counts = (sensitive.with_value, sensitive.shown, sensitive.blanked, sensitive.covers, sensitive.median_distance)
    for row, count in zip(table(page, "Gevoelige kolom spelling", "Sensitive column spelling"), counts, strict=True):
        assert_tells(row[1], count, language)


@pytest.mark.parametrize("form", ["exact", "rounded"])
def test_every_limit_has_a_row_with_its_verdict(form: str, language: str) -> None:
    drawn: dict[str, Any] = DRAWINGS[form]().risk.model_dump(mode="json")
    limits = [*drawn["limits"], limit("NEW_LIMIT", "geslacht", 0.2, 0.1), limit("DOWNCODING_GAIN", None, None, 0.05)]
    report = (draw_report if form == "exact" else draw_rounded_report)(risk=drawn | {"limits": limits})
    page = parse(report, language)
    rows = table(page, "Grenzen aan aanvallen", "Limits on attacks")
    for row, held in zip(rows, report.risk.limits, strict=True):
        name = load_language(language).gettext(LIMITS[held.code]) if held.code in LIMITS else held.code
        assert row[0] == f"{name}{held.column or ''}"
        kept, broken = ("aangehouden", "OVERSCHREDEN") if language == "nl" else ("kept", "BROKEN")
        assert (kept in row[1], broken in row[1]) == (held.kept, not held.kept)
        assert_tells(row[1].partition("✗")[0].strip() if held.figure is None else row[1], held.figure, language, 100)
        assert_tells(row[2], held.limit, language, 100)


def test_utility_figures_are_those_of_the_document(language: str) -> None:
    report = draw_report()
    page, use = parse(report, language), report.utility

    def assert_estimates(shown: Sequence[str], estimates: Sequence[Estimate], before: float, unit: str) -> None:
        assert [one.estimator for one in estimates] == list(ESTIMATORS)
        for place, one in enumerate(estimates):
            assert_tells(shown[2 * place], one.value, language)
            errors = {
                "standard errors": one.error_in_standard_errors,
                "per cents": 100 * (one.value / before - 1),
                "own": one.value - before,
            }
            assert_tells(shown[2 * place + 1], errors[unit], language)

    for row, score in zip(table(page, "Gemiddelden", "Means"), use.scores, strict=True):
        assert_tells(row[1], score.pupils, language)
        assert_tells(row[2], score.mean, language)
        assert_estimates(row[3:], score.mean_after, score.mean, "standard errors")
    for row, score in zip(table(page, "Standaardafwijkingen", "Standard deviations"), use.scores, strict=True):
        assert_tells(row[1], score.standard_deviation, language)
        assert_estimates(row[2:], score.standard_deviation_after, score.standard_deviation, "per cents")
    schools = table(page, "Intraklassecorrelatie en designfactor", "Intraclass correlation and design factor")
    for row, score in zip(schools, use.scores, strict=True):
        assert_tells(row[1], score.intraclass_correlation, language)
        assert_tells(row[2], score.design_factor, language)
        shown = table(page, f"Verdeling van {score.column}", f"Distribution of {score.column}")
        for bar_row, bar in zip(shown, score.distribution, strict=True):
            assert_tells(bar_row[1], bar.before, language, 100)
            assert_tells(bar_row[2], bar.after, language, 100)
    for row, pair in zip(
        table(page, "Correlaties van twee scores", "Correlations of two scores"), use.pairs, strict=True
    ):
        assert_tells(row[1], pair.correlation, language)
        assert_estimates(row[2:], pair.after, pair.correlation, "own")
    for row, one in zip(table(page, "Effectgroottes", "Effect sizes"), use.differences, strict=True):
        assert row[0] == ("rekenen_Mgeslacht: jongen" if language == "nl" else "rekenen_Msex: boy")
        assert_tells(row[1], one.effect, language)
        assert_estimates(row[2:], one.after, one.effect, "own")
    regression = use.regressions[0]
    shown = table(page, "rekenen_E op rekenen_M, geslacht", "rekenen_E on rekenen_M, geslacht")
    for row, coefficient in zip(shown, regression.coefficients, strict=True):
        assert_tells(row[1], coefficient.coefficient, language)
        assert_tells(row[2], coefficient.standard_error, language)
        assert_estimates(row[3:], coefficient.after, coefficient.coefficient, "standard errors")


def test_subgroups_have_their_names_and_hidden_ones_no_number(language: str) -> None:
    report = draw_report()
    rows = table(parse(report, language), "Groepen", "Subgroups")
    for row, one in zip(rows, report.equity, strict=True):
        assert_tells(row[1], one.pupils, language)
        assert_tells(row[2], one.suppressed_percent, language)
        assert_tells(row[3], one.mean_loss, language, 100)
    names = [row[0] for row in rows]
    assert names[0].startswith("minder dan 10" if language == "nl" else "fewer than 10")
    assert names[1].startswith("10 t/m 24" if language == "nl" else "10 to 24")
    assert names[5].startswith("niet gespecificeerd" if language == "nl" else "not specified")


def test_a_coefficient_has_as_many_digits_as_its_standard_error_needs() -> None:
    page = parse(draw_report(), "en")
    assert tables(page)["rekenen_E on rekenen_M, geslacht"][0] == [
        *("rekenen_M", "0.9354", "0.0021", "0.9101", "-12.00", "0.9402", "+2.30", "0.9341", "-0.62")
    ]


# The summary.


def summary(report: ReleaseReport, language: str = "en") -> str:
    return " ".join(parse(report, language).xpath("string(//*[@id='summary'])").split())


def with_risk(**changes: Any) -> ReleaseReport:
    return draw_report(risk=draw_report().risk.model_dump(mode="json") | changes)


def test_the_summary_says_that_all_limits_are_kept_and_four_figures() -> None:
    report = draw_report()
    text = summary(report)
    assert "✓ All 10 limits on attacks are kept" in text
    figures = [
        one.figure.replace("\u00a0", " ") for one in list_key_figures(ReportPhrases(load_language("en"), report))
    ]
    assert figures == ["58,412", "9.3 %", "1 in 4 (25.0 %)", "0.62 standard errors"]
    assert "another school board, who knows" in text
    assert "1,163 (2.0\u00a0% of the selection)".replace("\u00a0", " ") in text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("changes", "heading", "sentence"),
    [
        (
            {
                "limits": [
                    limit("INFERENCE_ALL_BUT_ONE", "geslacht", 0.131, 0.12),
                    limit("SURE_CELLS", None, 0.01, 0.08),
                ]
            },
            "✗ 1 of 2 limits is broken",
            "Inference from all other columns: geslacht: 13.10 %, where at most 12.00 % is allowed.",
        ),
        (
            {"limits": [limit("INFERENCE_NOT_MEASURED", None, None, 0.0)]},
            "✗ 1 of 1 limits is broken",
            "Inference: not measured, which breaks the limit.",
        ),
        (
            {"limits": [limit("DOWNCODING_GAIN", None, 0.050004, 0.05)]},
            "✗ 1 of 1 limits is broken",
            "Gain of downcoding: 5.0004 %, where at most 5.0000 % is allowed.",
        ),
        (
            {"fewer_than_k": 2},
            "✗ A self-check failed",
            "The self-check failed: 2 classes have fewer than k pupils. That is a defect; do not publish.",
        ),
        ({"limits": []}, "? No limit on attacks was measured", "This page cannot say whether the release may go out."),
    ],
    ids=["over", "not measured", "just over", "defect", "none"],
)
def test_the_summary_says_what_is_wrong(changes: dict[str, Any], heading: str, sentence: str) -> None:
    text = summary(with_risk(**changes)).replace("\u00a0", " ")
    assert heading in text
    assert sentence in text
    assert "may go out. The verifier" not in text


def excepted(code: str, figure: float, at_most: float, signed_by: str | None = "A. Jansen") -> dict[str, Any]:
    exception = {
        "figure_at_most": 0.07,
        "reason": "de vraag is het waard",
        "signed_by": signed_by,
        "date": "2026-11-02",
    }
    return limit(code, None, figure, at_most) | {"exception": exception}


def test_an_exception_is_told_with_its_reason_and_the_release_is_not_refused() -> None:
    report = with_risk(limits=[excepted("DOWNCODING_GAIN", 0.061, 0.05), limit("SURE_CELLS", None, 0.01, 0.08)])
    text = summary(report).replace("\u00a0", " ")
    assert "! 1 of 2 limits is broken" in text
    assert "Exception up to 7.0 %, signed by A. Jansen on 2 November 2026: de vraag is het waard" in text
    assert "A broken limit refuses the release" not in text
    assert "Every broken limit has a signed exception" in text
    assert tables(parse(report, "en"))["Limits on attacks"][0][1].replace("\u00a0", " ") == "6.10 %✗ BROKEN! exception"


def test_a_rounded_report_names_no_signer() -> None:
    risk = draw_rounded_report().risk.model_dump(mode="json")
    limits = [excepted("DOWNCODING_GAIN", 0.06, 0.05, signed_by=None)]
    text = summary(draw_rounded_report(risk=risk | {"limits": limits})).replace("\u00a0", " ")
    assert "about 6 %, where at most 5 % is allowed. Exception up to 7 %, signed on 2 November 2026: de vraag" in text


def test_one_limit_without_an_exception_is_enough_to_refuse() -> None:
    limits = [excepted("DOWNCODING_GAIN", 0.061, 0.05), limit("SURE_CELLS", None, 0.09, 0.08)]
    text = summary(with_risk(limits=limits))
    assert "✗ 2 of 2 limits are broken" in text
    assert "A broken limit refuses the release" in text


def test_a_release_that_only_leaves_pupils_out_is_not_said_to_be_refused() -> None:
    risk = draw_report().risk.model_dump(mode="json") | {"limits": [limit("SURE_CELLS", None, 0.09, 0.08)]}
    text = summary(draw_report(risk=risk, notes=["limits_passed"]))
    assert "✗ 1 of 1 limits is broken" in text
    assert "only leaves pupils out of the published one, and is not refused for that" in text
    assert "A broken limit refuses the release" not in text


def test_a_limit_that_held_the_estimate_says_so() -> None:
    held = limit("INFERENCE_ALL_BUT_ONE", "geslacht", 0.1, 0.12)
    assert "estimate" not in summary(with_risk(limits=[held]))
    report = with_risk(limits=[held | {"point_estimate": True}])
    assert tables(parse(report, "en"))["Limits on attacks"][0][1].endswith("✓ keptestimate")
    assert "the limit holds the estimate and not the end of its interval" in summary(report)


def test_equally_strong_intruders_are_all_named() -> None:
    intruders = [
        {"kind": kind, "left_at_least": left, "chance_at_most": 1 / left}
        for kind, left in (("stranger", 10), ("school", 5), ("board", 5))
    ]
    report = with_risk(intruders=intruders)
    assert "1 in 5 (20.0 %) is the highest" in summary(report).replace("\u00a0", " ").replace("%)is", "%) is")
    assert "for each of: another school; another school board" in summary(report)
    rows = tables(parse(report, "en"))["Intruders"]
    assert ["(strongest)" in row[0] for row in rows] == [False, True, True]


def test_a_rounded_figure_has_no_more_digits_than_it_has() -> None:
    phrases = ReportPhrases(load_language("en"), draw_rounded_report())
    shown = [phrases.percent(0.02), phrases.points(0.1), phrases.figure(110.0), phrases.standard_errors(-4.0)]
    assert [one.replace("\u00a0", " ") for one in shown] == ["2 %", "+10", "110", "-4"]
    assert [phrases.attempts(0), phrases.attempts(20_000)] == ["hidden", "about 20,000"]
    exact = ReportPhrases(load_language("en"), draw_report())
    assert [exact.percent(0.02), exact.percent(0.00001)] == ["2.0\u00a0%", "<0.01\u00a0%"]


def test_a_coefficient_without_a_standard_error_has_none_of_zero() -> None:
    use = draw_report().utility.model_dump(mode="json")
    use["regressions"][0]["coefficients"][0]["standard_error"] = 0.0
    row = tables(parse(draw_report(utility=use), "en"))["rekenen_E on rekenen_M, geslacht"][0]
    assert row[1:3] == ["0.935", "not measured"]


def test_the_verdict_follows_what_the_document_says_and_not_the_figures() -> None:
    """A limit is kept or broken as measured; a rounded figure may equal its limit."""
    report = with_risk(limits=[limit("SURE_CELLS", None, 0.08, 0.08) | {"kept": False}])
    assert judge_limits(ReportPhrases(load_language("en"), report)).state == "broken"


def test_the_largest_error_is_that_of_the_advised_estimator() -> None:
    use = draw_report().utility.model_dump(mode="json")
    figures = [
        list_key_figures(ReportPhrases(load_language("en"), draw_report(utility=use | {"advised_estimator": advised})))[
            3
        ]
        for advised in ESTIMATORS
    ]
    assert [one.figure for one in figures] == ["12.00 standard errors", "2.30 standard errors", "0.62 standard errors"]


# Codes.


@pytest.mark.parametrize("code", [*NOTES, "a_note_of_tomorrow"])
def test_a_note_has_its_sentence_and_an_unknown_one_shows_as_itself(code: str, language: str) -> None:
    page = parse(draw_report(notes=[code]), language)
    (shown,) = page.xpath("//*[@id='notes']//li")
    sentence = load_language(language).gettext(NOTES[code]) if code in NOTES else code
    assert shown.text_content() == sentence
    assert (code in NOTES) == (shown.text_content() != code)


def test_every_kind_of_intruder_has_a_name_and_what_it_knows() -> None:
    kinds = {one.kind for one in draw_report().risk.intruders}
    assert kinds == INTRUDERS.keys() == KNOWLEDGE.keys()
    texts = [load_language("nl").gettext(text) for text in (*INTRUDERS.values(), *KNOWLEDGE.values())]
    assert len(set(texts)) == 2 * len(kinds)


# What a page must never do.


@pytest.mark.parametrize("form", DRAWINGS)
def test_a_page_loads_nothing_and_refers_to_no_address(form: str, language: str) -> None:
    text = render_report_page(DRAWINGS[form](), language)
    assert not re.search(r"<script|@import|url\(|\bsrc=|https?://|style=", text)
    page: Any = html.fromstring(text.encode())
    assert {name for element in page.iter() for name in element.keys() if "href" in name} == {"href"}  # noqa: SIM118
    links = page.xpath("//@href")
    assert [link for link in links if not link.startswith("#")] == ["data:,"]
    assert {link[1:] for link in links if link.startswith("#")} <= set(page.xpath("//@id"))
    assert page.get("lang") == language
    assert "prefers-color-scheme" in text
    assert "@media print" in text
    assert len(text.encode()) < 400_000


@pytest.mark.parametrize("form", DRAWINGS)
def test_every_id_is_unique_and_every_table_has_caption_and_heads(form: str, language: str) -> None:
    page = parse(DRAWINGS[form](), language)
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))
    for one in page.xpath("//table"):
        assert one.xpath("string(caption)").strip()
        assert one.xpath("string(caption/*[@class='unit'])").strip(), "a table says its units"
        assert one.xpath("thead//th[@scope]")
        assert len(one.xpath("tbody/tr/th[@scope='row']")) == len(one.xpath("tbody/tr"))


@pytest.mark.parametrize("form", ["exact", "rounded"])
def test_every_picture_is_well_formed_with_title_text_and_table(form: str, language: str) -> None:
    text = render_report_page(DRAWINGS[form](), language)
    pictures = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    names = ["limits", "detail", "sizes", "intruders", "inference", "scores", "growth", "suppressed", "losses"]
    assert re.findall(r'id="picture-(\w+)"', text) == names
    assert len(pictures) == len(names)
    for picture, name in zip(pictures, names, strict=True):
        root: Any = etree.fromstring(picture)
        assert root.get("role") == "img"
        assert (root.get("aria-labelledby"), root.get("aria-describedby")) == (f"picture-{name}", f"told-{name}")
        title, told, *drawn = root
        assert (title.tag, told.tag) == ("title", "desc")
        assert title.text
        assert len(told.text or "") > 40
        assert drawn
        assert root.xpath("count(.//text)") > 3, "texts are texts, not paths"
        colours = {value for value in root.xpath(".//@fill | .//@stroke") if value != "none"}
        assert colours == set(), "colours come from the style sheet, or a dark scheme would miss them"


def test_pictures_show_the_figures_of_their_form() -> None:
    exact, rounded = (parse(draw(), "en") for draw in (draw_report, draw_rounded_report))
    sizes = [page.xpath("string(//*[@id='told-sizes'])") for page in (exact, rounded)]
    assert "22,015 pupils" in sizes[0]
    assert "12,577" in sizes[0]
    assert "about 12,575 pupils" in sizes[1]
    assert "12,577" not in sizes[1]
    assert sizes[1].endswith("Classes of 50 or more pupils: hidden")


def test_the_same_report_gives_the_same_bytes() -> None:
    assert render_report_page(draw_report(), "nl") == render_report_page(draw_report(), "nl")


def test_settings_of_matplotlib_on_the_machine_change_nothing() -> None:
    import matplotlib as mpl

    before = render_report_page(draw_report(), "nl")
    with mpl.rc_context({"font.size": 40, "lines.linewidth": 9, "svg.fonttype": "path"}):
        assert render_report_page(draw_report(), "nl") == before


def test_who_renders_no_page_does_not_load_matplotlib() -> None:
    told = "import sys, cohort.release_report; print('matplotlib' in sys.modules)"
    path = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "lib")}
    assert subprocess.check_output([sys.executable, "-c", told], env=path, text=True).strip() == "False"


@pytest.mark.parametrize("form", ["exact", "rounded"])
def test_hostile_names_are_shown_and_not_run(form: ReportForm, language: str) -> None:
    column = COLUMNS[0] | {"column": ATTACK, "label_nl": ATTACK, "label_en": ATTACK}
    column |= {"levels": [{"level": 0, "example": ATTACK, "share": 1.0}]}
    equity = [{"column": ATTACK, "value": ATTACK, "pupils": 100, "suppressed_percent": 1, "mean_loss": 0.1}]
    changes = {"project": ATTACK, "question": ATTACK, "made": ATTACK, "limits": {ATTACK: ATTACK}, "notes": [ATTACK]}
    drawn = draw_report().risk.model_dump(mode="json") | {"limits": [limit(ATTACK, ATTACK, 0.2, 0.1)]}
    report = draw_report(form=form, columns=[column], equity=equity, risk=drawn, **changes)
    text = render_report_page(report, language)
    page: Any = html.fromstring(text.encode())
    assert page.xpath("//script | //img") == []
    for picture in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        etree.fromstring(picture)
    assert "<script>alert(1)</script>" in page.xpath("string(//h1)")


@pytest.mark.parametrize("form", DRAWINGS)
def test_no_text_of_a_page_has_a_missing_figure(form: str, language: str) -> None:
    (body,) = parse(DRAWINGS[form](), language).xpath("//body")
    assert not re.search(r"\b(None|nan|inf|undefined)\b|%\(|%%", body.text_content())


def test_a_minimal_report_says_what_was_not_measured(language: str) -> None:
    page = parse(draw_minimal_report(), language)
    counts = table(page, "Leerlingen", "Pupils")
    assert {row[1] for row in counts} == {"niet gemeten" if language == "nl" else "not measured"}
    assert page.xpath("//svg") == []
    hidden = table(parse(draw_minimal_report(form="rounded"), language), "Leerlingen", "Pupils")
    assert {row[1] for row in hidden} == {"verborgen" if language == "nl" else "hidden"}


@pytest.mark.parametrize("figure", [float("nan"), float("inf"), 0.0, 1e6, -1e-9])
def test_a_page_stands_whatever_the_figures_are(figure: float, language: str) -> None:
    """A figure that is none is told so, a distribution without a width is not drawn, and the rest stands."""
    drawn = with_every_figure(draw_report().model_dump(), figure)
    page = parse(ReleaseReport.model_validate(drawn), language)
    (body,) = page.xpath("//body")
    assert not re.search(r"\b(None|nan|inf|undefined)\b|%%", body.text_content())
    assert page.xpath("//*[@id='picture-scores']") == []
    assert len(page.xpath("//*[@id='summary']//tbody/tr")) == 10


def with_every_figure(drawn: Any, figure: float) -> Any:
    if isinstance(drawn, dict):
        return {name: with_every_figure(value, figure) for name, value in drawn.items()}
    if isinstance(drawn, list | tuple):
        return [with_every_figure(value, figure) for value in drawn]
    return figure if isinstance(drawn, float) else drawn


# In a browser.


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


CONTRAST = """
(() => {
  const rgb = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (one, other) => {
    const [more, less] = [light(one), light(other)].sort((a, b) => b - a);
    return (more + 0.05) / (less + 0.05);
  };
  const paper = node => {
    const shade = /on-(\\d)/.exec(node.getAttribute('class') || '');
    if (shade) return rgb(getComputedStyle(document.querySelector('.f-shade' + shade[1])).fill);
    for (; node; node = node.parentElement) {
      const colour = rgb(getComputedStyle(node).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || ['title', 'desc'].includes(node.localName)) continue;
    const style = getComputedStyle(node);
    const ink = rgb(node instanceof SVGElement ? style.fill : style.color);
    found.push([ratio(ink, paper(node)), node.localName + ': ' + walk.currentNode.data.trim()]);
  }
  return found.sort((a, b) => a[0] - b[0])[0];
})()
"""
"""JavaScript: the least contrast of a text with what is behind it, and the text."""


@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.parametrize("form", DRAWINGS)
def test_a_page_fits_its_screen_and_is_legible(
    chromium: Browser, tmp_path: Path, language: str, form: str, width: int
) -> None:
    path = tmp_path / "report.html"
    path.write_text(render_report_page(DRAWINGS[form](), language), encoding="utf-8")
    for dark in (False, True):
        chromium.open(path.as_uri(), width, dark=dark)
        chromium.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert chromium.evaluate("document.documentElement.scrollWidth") <= width
        assert chromium.console_messages() == []
        assert len(chromium.requested_addresses()) == 1
        least, where = chromium.evaluate(CONTRAST)
        assert least >= 4.5, (where, least)


def test_every_text_of_a_picture_stays_inside_it(chromium: Browser, tmp_path: Path, language: str) -> None:
    path = tmp_path / "report.html"
    path.write_text(render_report_page(draw_report(), language), encoding="utf-8")
    chromium.open(path.as_uri(), 390)
    outside = """
    [...document.querySelectorAll('svg.chart')].flatMap(svg => {
      const box = svg.getBoundingClientRect();
      return [...svg.querySelectorAll('text')].filter(text => {
        const own = text.getBoundingClientRect();
        return own.left < Math.max(box.left - 12, 0) || own.right > Math.min(box.right + 12, innerWidth);
      }).map(text => text.textContent);
    })
    """
    assert chromium.evaluate(outside) == []
    overlapping = """
    [...document.querySelectorAll('svg.chart')].flatMap(svg => {
      const texts = [...svg.querySelectorAll('text')].map(text => [text.getBoundingClientRect(), text.textContent]);
      return texts.flatMap(([one, said], place) => texts.slice(place + 1)
        .filter(([other]) => one.left < other.right - 1 && other.left < one.right - 1
          && one.top < other.bottom - 3 && other.top < one.bottom - 3)
        .map(([, also]) => said + ' / ' + also));
    })
    """
    assert chromium.evaluate(overlapping) == []
