"""The anonymity engine: from counts of equal records to a recoding that hides everybody in a class.

It works on the histogram of the cohort, never on its rows, and knows numpy and pyarrow but no
Spark. Its rooms, in the order in which a chapter on disclosure control would take them:

    hierarchy_files  their files, as ARX writes them
    hierarchy        how the values of one column are generalised, level by level
    coding           all columns of a record in one number: generalising is one bit mask
    histogram        how many pupils of which schools show the same values
    constraints      what every released class must satisfy
    sensitive        how varied the sensitive values of a class must be
    closeness        how near to those of the cohort they must be
    attribute_disclosure  which classes show their sensitive values, decided after the search
    bands            a number as a band: leaves and levels as declared
    quantiles        bands from the cohort's own values that are safe to publish
    microaggregation  a number as the rounded mean of its class
    classes          the equivalence classes at one choice of levels, counted in pupils
    tally            their schools and largest school, counted exactly
    verdict          what the constraints say of them: who may be released
    loss             what a recoding costs the researcher
    entropy          the same in bits: how many it takes to restore the values
    objectives       what a search makes small, and the bounds that follow
    frontier         which choices of levels may still be the best
    outcome          the result of every search: classes, their levels, whose they are, what they cost
    asked            what both searches are asked, and what both refuse
    trials           one choice of levels tried, and what that shows of all others
    descent          good choices in a lattice too large to be searched at once
    lattice          global recoding: all choices of levels, and the cheapest that is anonymous
    space            local recoding: what each unit costs at each level of each column
    trim             a class in which one school is too large
    candidates       groups that could become classes, and the choice of the cheapest
    sweep            few columns: all level vectors, cheap groups first
    nearness         what two values cost when they are released as one
    blocks           units that lie near each other
    clusters         clusters of k, formed greedily in many blocks at once
    ladder           many columns: the better clusters kept, the others dissolved, rung by rung
    polish           near classes pooled and clustered again
    leftovers        pupils without a class: they join one, or are suppressed
    local            which way a local search takes
    populations      pupils who show a sensitive value and those who show none, searched apart
    parts            cohorts past one driver, searched in parts
    metrics          what a recoding costs, by the names of the field
    equity           who pays for it: subgroups that are suppressed or coarsened more than others
    risk             how likely somebody is recognised: prosecutor, journalist and marketer
    intruder         how many records could be those of somebody who is known exactly
    plainfiles       plain files of records, read by column
    tabulation       their columns as a coding and a histogram
    settings         what an analyst asks of one recoding
    file_search      the records of a plain file searched for classes
    sensitive_values  which sensitive values of a plain file are shown
    released         the released records: equal ones as one row, written whole or not at all
    report           what a recoding did, as one document
"""
