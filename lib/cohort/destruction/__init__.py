"""The end of a project: inventory, search for survivors, proof and certificate."""
