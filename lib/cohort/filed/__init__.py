"""What pupils, parents and schools file with us: lists, what they bar, and what goes because of them.

The rooms; each knows only rooms above it, here and in the house.

    list_text    the text of a list, however a spreadsheet wrote it
    lists        what others keep for us: lists, each declared beside itself
    filings      what is filed in the lists of objections, line by line
    numbers      changes of pupil numbers, each to the newest
    mandates     instructions of the schools: whose results a project may use
    standing     objections that stand: a newer list lifts none of them
    permissions  lists that allow, and whom they leave out
    raw_files    raw files that still hold a listed number
    leftovers    files that a removal left, under whatever name
    barred       which rows of whom are not kept
    removal      barred rows taken out of results and quarantine
    effects      what a list would take away, counted before it does
    receipts     what a school hears of the objections that it filed
    erasure      objections applied to the restricted zone
    expiry       special-category values whose consent ended, emptied
"""
