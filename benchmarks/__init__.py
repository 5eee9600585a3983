"""Extracts of any size with known truth, and what their figures and timings are measured against.

Belongs here: the generator of `sample/` and of benchmark extracts, the bare-SQL baseline, the runner. Does not belong
here: anything that the pipeline needs at run time.
"""
