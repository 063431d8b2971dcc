"""Who may read a published table, opened and closed by file modes, groups and a hook; private zones closed."""
