"""One release from results to a published table: pipeline, accounting, data dictionary, publication, status."""
