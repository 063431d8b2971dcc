"""Synthetic cohorts to try the system on, written as schools would deliver them, and benchmarks.

In the order in which a cohort is made:

    pupil_numbers     made-up pupil numbers that pass the checks of real ones
    catalogue         the tests, as conf/toetsen.csv lists them
    schools           the schools, as conf/scholen.csv lists them, and their sizes
    pupils            the school, year group and background of every pupil
    scores            the scores of every pupil on every test
    results           the results in every school's file
    planted_errors    known errors in known numbers
    objection_list    the parents who object, as a declared list
    instruction_list  the instructions of schools, as a declared list
    delivery_files    one CSV file per school
    configured_lists  the two lists in the configuration folder
    synthesise        all of these, from the command line
    nlschools         deliveries of 2,287 real pupils, from an installed package
    engine_cohort     codes and schools for the anonymisation engine alone
    show_table        a published table as a researcher reads it
    bench_release, bench_ingest, bench_engine   what `scripts/bench` measures
"""
