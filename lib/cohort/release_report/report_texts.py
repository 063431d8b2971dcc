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
    "sampled": gettext_noop(
        "The attacks were tried on a sample of the pupils. The intervals show how much that matters."
    ),
    "halves_searched_anew": gettext_noop(
        "This release keeps the classes of an earlier one. The halves of the attacks have classes of their own, so the "
        "figures are those of a first release."
    ),
    "inference_not_measured": gettext_noop(
        "Half of the cohort cannot be recoded by itself under these rules, so attacks against a control half were not "
        "measured."
    ),
    "one_column": gettext_noop("The release has one column: nothing can be guessed from other columns."),
    "assumed_attributes": gettext_noop(
        "The project does not say which columns an intruder may know, so that it is all attributes of pupils."
    ),
    "no_attributes": gettext_noop("The release has no attributes of pupils: the intruder knows the first column."),
    "only_attributes": gettext_noop("The intruder may know every column: all but the last are taken as known."),
    "limits_passed": gettext_noop(
        "A limit is broken, but this release only leaves pupils out of the published one, and is not refused for that: "
        "an objection would wait, and what stays published would be no safer."
    ),
    "hidden_figures": gettext_noop(
        "Figures of scores of too few pupils, or of too few schools or boards, are left out."
    ),
    "undetermined_regression": gettext_noop(
        "A declared regression could not be computed, or is of too few pupils, and is left out."
    ),
    "no_sensitive_column": gettext_noop("The release has no sensitive column."),
    "small_cohort": gettext_noop(
        "The cohort is small, so intervals are wide. Read the difference together with its interval."
    ),
    "first_release": gettext_noop("This is the first release: nobody can compare it with an earlier one."),
}
"""What limits the figures, by the code of the note."""
