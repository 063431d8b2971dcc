"""The anonymity engine: from counts of equal records to a recoding that hides everybody in a class.

It works on the histogram of the cohort, never on its rows, and knows numpy and pyarrow but no
Spark. Its rooms, in the order in which a chapter on disclosure control would take them:

    hierarchy        how the values of one column are generalised, level by level
    coding           all columns of a record in one number: generalising is one bit mask
    histogram        how many pupils of which schools show the same values
    constraints      what every released class must satisfy
    classes          the equivalence classes at one choice of levels, counted in pupils
    verdict          what the constraints say of them: who may be released
    loss             what a recoding costs the researcher
    frontier         which choices of levels may still be the best
    global_recoding  the outcome: one level per column, and the classes that are released
    lattice          all choices of levels, and the search for the cheapest that is anonymous
"""
