"""The zones of the storage root as paths, and locks: one run at a time per project and one of ingestion.

zone_paths  where everything stands under the storage root
locks       locks of the operating system, by name
"""
