"""The independent verifier of a staged or published release; it shares no code with what makes releases.

In: a table, the project's declaration, the results and the lists. Out: findings by code
(`findings.FINDING_DEFINITIONS`). One module per check (`*_check`), its own readers of every input (`*_reader`), and
the verbs `verify_stage`, `verify_published_table` and `verify_rights`.
"""
