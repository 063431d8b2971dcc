"""Published tables after publication: rows withdrawn, daily look at readers, verification repeated."""
