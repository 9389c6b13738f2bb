"""Models of other libraries as models of this one: networks and fitted estimators, with their names and preprocessing.

One file per library, which is imported when its function is called.
"""
