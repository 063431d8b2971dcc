"""From results to generalised records: pupil records, pseudonyms, leaf encoding, search, generalisation."""
