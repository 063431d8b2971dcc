"""From delivered files to results, quarantine, ledger and feedback: discovery, validation, supersession, accounting."""
