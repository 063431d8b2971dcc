"""Privacy models: what an equivalence class must satisfy before it, or its sensitive values, may be released.

thresholds               Shares and whole numbers as exact thresholds, and the messages about wrong ones.
class_constraints        Pupils and schools counted per class; the interface of constraints on classes.
k_anonymity              KAnonymity, KWithoutLargestSchool.
school_diversity         SchoolDiversity: the number of distinct schools of a class.
sensitive_constraints    Sensitive values counted per class; the interface of constraints on them.
dominance                SchoolDominance, ValueDominance: the largest share of one school or value.
l_diversity              DistinctLDiversity, EntropyLDiversity, LDiversityWithoutAnySchool.
t_closeness              EqualDistanceTCloseness, OrderedDistanceTCloseness.
sensitive_suppression    Which classes release no sensitive value, decided after the search.
feasibility              What a search refuses before it starts, or when it ends without a recoding.
"""
