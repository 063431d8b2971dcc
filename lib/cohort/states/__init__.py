"""The states of the data as types and Spark schemas, and the frames that the driver hands to Spark.

schemas              types of the frames between stages, their schemas, names of columns
local_frames         frames of rows that the driver holds
materialised_frames  frames computed once for several passes, and barriers in Spark's code generation
"""
