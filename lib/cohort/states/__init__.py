"""The states of the data as types and Spark schemas, and small Arrow frames handed to Spark."""
