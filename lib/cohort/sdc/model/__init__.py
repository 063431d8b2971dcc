"""The data model of the engine: what a search works on and what it returns.

arrays                 Array types, and operations on grouped arrays.
hierarchy_files        Reader of hierarchy files in the format of ARX.
hierarchy              Hierarchy: the values that a leaf is generalised to, level by level.
coding                 Coding: all quasi-identifiers of a record in a few whole numbers; generalising is a bit mask.
histogram              Histogram: pupils counted per code and school.
equivalence_classes    EquivalenceClasses at one level vector, counted in pupils.
information_loss       InformationLoss of a recoding, as ARX counts it.
recoding               Recoding: the result of a search.
"""
