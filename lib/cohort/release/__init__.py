"""One release, from results to a published table.

`release_task` says what it is made from and what forbids it; `pipeline` turns results into generalised records;
`release_job` stages, counts and verifies; `publication` puts a verified release in place; `status` and `readiness` tell
what is due and what the next release would refuse.
"""
