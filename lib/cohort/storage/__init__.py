"""The zones of the storage root as paths, and locks: one run at a time per project and one of ingestion."""
