"""Who may read a published table, opened and closed by file modes and groups."""
