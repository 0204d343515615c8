"""The record of what was seen: a database, and pictures beside it.

Importing this package is cheap; SQLAlchemy is loaded when a store is opened.
"""

from edge_runtime.store.pending import PendingWriter, PendingWriterStatus
from edge_runtime.store.reading import StoreReader
from edge_runtime.store.records import StoreCounts, StoredDetection, StoredSighting
from edge_runtime.store.store import Store

__all__ = [
    "PendingWriter",
    "PendingWriterStatus",
    "Store",
    "StoreCounts",
    "StoreReader",
    "StoredDetection",
    "StoredSighting",
]
