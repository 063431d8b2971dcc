"""What every package stands on: errors with exit codes, identifiers, code lists, delimited text, strict
declarations, small JSON documents.
"""
