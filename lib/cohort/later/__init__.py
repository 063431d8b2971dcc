"""What comes after a release: the next one, and rows that leave one at once.

The rooms; each knows only rooms above it, here and in the house.

    nesting      how much smaller a class may become from one release to the next
    memory       what is remembered of a release, to hold the next one against
    differences  what a release may differ in from the one before
    waves        new pupils in a project of which a release is read
    rekeyed      what is remembered, under its pupils' newest numbers
    overlaps     two live projects on the same pupils
    remnant      what is left of a published table when rows must go
    withdrawal   rows taken out of a published pseudonymous table at once
    departures   every live pseudonymous project held to the lists of today
"""
