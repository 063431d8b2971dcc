"""The storage root on whatever store it stands: its zones, what is done to files there, documents and locks.

zone_paths       where everything stands under the root
storage_path     what may be asked of a path there
store            the port: what a store does beyond that
stores           which store a path is on
posix_store      the adapter of local and mounted folders, with private_files
hadoop_store     what stores have in common that Hadoop opens, with hadoop_path, hadoop_files and store_content
hdfs_store       the adapter of HDFS, and of what has permissions like it
s3_store         the adapter of S3, with s3_client and bucket_policy
storage_root     the root of the command line, opened on its store
survivors        what a store keeps of removed files: hdfs_survivors, s3_survivors
leases           locks on stores without locks of an operating system
file_operations  what `os` and `shutil` do, on any store
root_probe       what a store can do, tried at the first start
json_documents   small JSON documents, and the base of their types
locks            one run at a time per project, and one of ingestion
run_reports      what a job printed whose driver ran on a node of a cluster
unfinished_documents  what killed runs were writing
"""

from __future__ import annotations

from cohort.storage.file_operations import (
    anything_exists,
    lies_in,
    make_private_folder,
    move_file,
    open_text_to_read,
    open_text_to_write,
    open_to_read,
    open_to_write,
    parquet_source,
    path_of_error,
    remove_tree,
    walk_folder,
    write_private_text,
)
from cohort.storage.json_documents import (
    DocumentPart,
    read_applied_digest,
    read_json_document,
    read_model_document,
    write_json_document,
)
from cohort.storage.locks import (
    INGESTION_LOCK,
    OBJECTIONS_LOCK,
    PRIVACY_BUDGET_LOCK,
    PUBLICATIONS_LOCK,
    REGISTER_LOCK,
    hold_lock,
)
from cohort.storage.private_files import LINK_PROBLEM
from cohort.storage.root_probe import StoreDocument, probe_root
from cohort.storage.run_reports import RunReport, check_run_number, write_run_report
from cohort.storage.storage_path import StoragePath
from cohort.storage.storage_root import names_local_folder, open_storage_root
from cohort.storage.store import Store
from cohort.storage.stores import store_of
from cohort.storage.survivors import Survivor, SurvivorSearch
from cohort.storage.unfinished_documents import remove_unfinished_documents
from cohort.storage.zone_paths import StorageZones

__all__ = [
    "INGESTION_LOCK",
    "LINK_PROBLEM",
    "OBJECTIONS_LOCK",
    "PRIVACY_BUDGET_LOCK",
    "PUBLICATIONS_LOCK",
    "REGISTER_LOCK",
    "DocumentPart",
    "RunReport",
    "StoragePath",
    "StorageZones",
    "Store",
    "StoreDocument",
    "Survivor",
    "SurvivorSearch",
    "anything_exists",
    "check_run_number",
    "hold_lock",
    "lies_in",
    "make_private_folder",
    "move_file",
    "names_local_folder",
    "open_storage_root",
    "open_text_to_read",
    "open_text_to_write",
    "open_to_read",
    "open_to_write",
    "parquet_source",
    "path_of_error",
    "probe_root",
    "read_applied_digest",
    "read_json_document",
    "read_model_document",
    "remove_tree",
    "remove_unfinished_documents",
    "store_of",
    "walk_folder",
    "write_json_document",
    "write_private_text",
    "write_run_report",
]
