"""What is agreed and declared: platform, projects and their columns, catalogue of tests and schools, hierarchies,
privacy model.
"""
