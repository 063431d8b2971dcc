"""Cohorts to try the system on, written as schools would deliver them.

In the order in which a cohort is made:

    pupil_numbers   made-up pupil numbers that pass the checks
    catalogue       the tests, as conf/toetsen.csv lists them
    schools         the schools, as conf/scholen.csv lists them, and their sizes
    pupils          who is at which school, in which year group
    scores          what they score on every test
    results         which result stands in which school's file
    dirt            known errors in known numbers
    objectors       whose parents object, as a declared list
    files           one CSV per school
    registers       the two lists in the configuration folder
    synthesise      all of it, from the command line
    nlschools       the same for 2,287 real pupils, from an installed package
    engine          pupils as the anonymity engine gets them, for its bench
    bench, bench_engine   what `scripts/bench` measures
"""
