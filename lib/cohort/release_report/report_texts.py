"""The words for the codes of a report, as English message ids: intruders, limits, estimators, notes.

A code without an entry is shown as it is.
"""

from __future__ import annotations

from cohort.pages import gettext_noop

INTRUDERS = {
    "stranger": gettext_noop("Stranger"),
    "knows_1_other": gettext_noop("Parent of another pupil in the group"),
    "knows_2_others": gettext_noop("Parent of two other pupils in the group"),
    "knows_3_others": gettext_noop("Parent of three other pupils in the group"),
    "school": gettext_noop("Another school"),
    "board": gettext_noop("Another school board"),
    "teacher": gettext_noop("Teacher at another school"),
    "two_releases": gettext_noop("Reader of two releases"),
}
KNOWLEDGE = {
    "stranger": gettext_noop("what the release shows of the pupil, and nothing else"),
    "knows_1_other": gettext_noop("what the release shows of the pupil and of one other pupil with the same values"),
    "knows_2_others": gettext_noop("what the release shows of the pupil and of two other pupils with the same values"),
    "knows_3_others": gettext_noop(
        "what the release shows of the pupil and of three other pupils with the same values"
    ),
    "school": gettext_noop("what the release shows of the pupil, and all pupils of its own school"),
    "board": gettext_noop("what the release shows of the pupil, and all pupils of all of its own schools"),
    "teacher": gettext_noop("what the release shows of the pupil, and the own class: never more than the school knows"),
    "two_releases": gettext_noop("what this release and an earlier one of the project show of the pupil"),
}
"""What each intruder knows who looks for the row of a pupil."""

LIMITS = {
    "INFERENCE_NOT_MEASURED": gettext_noop("Inference"),
    "INFERENCE_ATTRIBUTES_ONLY": gettext_noop("Inference from attributes only"),
    "INFERENCE_ALL_BUT_ONE": gettext_noop("Inference from all other columns"),
    "DOWNCODING_GAIN": gettext_noop("Gain of downcoding"),
    "SURE_CELLS": gettext_noop("Newly sure values"),
    "SURE_CELLS_RIGHT": gettext_noop("Newly sure values that are right"),
}
LIMIT_MEANINGS = {
    "INFERENCE_NOT_MEASURED": gettext_noop(
        "a half of the cohort cannot be recoded by itself, so nothing could be measured"
    ),
    "INFERENCE_ATTRIBUTES_ONLY": gettext_noop(
        "what the release adds to right guesses of a column by somebody who knows attributes only: the upper end of "
        "the 95 %% interval"
    ),
    "INFERENCE_ALL_BUT_ONE": gettext_noop(
        "what the release adds to right guesses of a column by somebody who knows all others: the upper end of the "
        "95 %% interval"
    ),
    "DOWNCODING_GAIN": gettext_noop(
        "what knowledge of the algorithm adds to right guesses of the exact values behind wide labels: the upper end "
        "of the 95 %% interval"
    ),
    "SURE_CELLS": gettext_noop(
        "the share of the values behind wide labels of which only the algorithm makes an intruder sure"
    ),
    "SURE_CELLS_RIGHT": gettext_noop("how many of those are right: the lower end of the 95 %% interval"),
}
"""What each limit holds."""

ESTIMATORS = {
    "middles": gettext_noop("middles of bands"),
    "means": gettext_noop("class means"),
    "means_and_covariance": gettext_noop("class means with the covariance matrix"),
}
ADVICE = {
    "middles": gettext_noop(
        "Take the middle of each band as the score. Means, standard deviations, correlations and coefficients are then "
        "off by what the tables below say: report that beside your results."
    ),
    "means": gettext_noop(
        "Take the mean of the class that the release shows as the score of each of its rows. Means of groups are then "
        "near the truth. The differences between pupils of one class are missing, so standard deviations come out too "
        "small: report the errors in the tables below."
    ),
    "means_and_covariance": gettext_noop(
        "Take the mean of the class that the release shows as the score of each of its rows. For standard deviations, "
        "correlations and regressions add the pooled covariance matrix within classes, which stands beside the table, "
        "to the covariance of those means. This gives back what the classes hide."
    ),
}
"""How a researcher uses each estimator."""

NOTES = {
    "attacked_sample": gettext_noop(
        "The attacks were tried on a sample of the pupils. The intervals show how much that matters."
    ),
    "small_cohort": gettext_noop(
        "The cohort is small, so intervals are wide: an upper end may be over a limit though nothing is gained. Read "
        "the difference together with its interval."
    ),
    "no_sensitive_column": gettext_noop("The release has no sensitive column."),
    "no_scores": gettext_noop("The release has no scores, so there are no figures of usefulness for them."),
    "no_regressions": gettext_noop("The project declares no regression."),
    "no_schools": gettext_noop("Schools are not known, so there are no figures between schools."),
    "first_release": gettext_noop("This is the first release: nobody can compare it with an earlier one."),
    "nested_release": gettext_noop(
        "This release is nested in an earlier one. The reader of two releases sees who left together, never one pupil."
    ),
    "inference_not_measured": gettext_noop(
        "Half of the cohort cannot be recoded by itself under these rules, so attacks against a control half were not "
        "measured. That breaks a limit."
    ),
    "downcoding_not_measured": gettext_noop("Reading back generalised values was not measured."),
    "global_recoding": gettext_noop(
        "With global recoding every column has one level, so knowing the algorithm adds nothing to a guess."
    ),
    "signed_exception": gettext_noop("A limit is broken with a signed exception, which the project file states."),
    "counts_rounded": gettext_noop("Counts are rounded, small ones are hidden; shares are made from rounded counts."),
    "subgroups_hidden": gettext_noop("Figures of subgroups with few pupils are hidden."),
    "halves": gettext_noop(
        "Attacks against a control half are tried on releases of half the cohort, whose values are a little coarser."
    ),
    "pseudonymous": gettext_noop(
        "The release is pseudonymous. Whoever knows one row of a pupil finds that pupil again in later releases, and "
        "rows of one school can be put together: the chances of this page do not cover that."
    ),
}
"""What limits the figures, by the code of the note."""
