"""What the difference between two releases shows, and how it is kept from showing a pupil.

In go today's encoded pupils and the snapshot of the published release; out come the classes of a release nested in it,
extended by new pupils where asked, and the comparison with other live projects. `release` calls it.
"""
