"""How a project ends: what there is of it, the search that finds it, and the proof that it is gone.

The rooms; each knows only rooms above it, here and in the house.

    columnar   every value that a columnar file holds
    sinks      every readable content of a file, unpacked
    needles    the search for what must not be there
    inventory  what there is of a project
    marks      what to search for, and the proof that the search finds it
    journal    how far a destruction has come
    proof      the second look, and the certificate
"""
