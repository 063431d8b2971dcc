"""Removal of excluded pupils from results, quarantine and raw files, with limits, journals and receipts."""
