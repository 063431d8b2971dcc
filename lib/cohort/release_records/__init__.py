"""The record of each release with its state, the public record made from it, and the restricted snapshot of its
equivalence classes.
"""
