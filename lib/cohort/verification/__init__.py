"""The independent verifier of a staged or published release; it shares no code with what makes releases."""
