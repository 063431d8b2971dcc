"""Custody of the project keys. No other package sees a secret."""
