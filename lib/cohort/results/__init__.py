"""The restricted results and quarantine, the ledger of deliveries, which batches count, retention."""
