"""Servers that tests start themselves: real ones, of the versions that the lock files name."""
