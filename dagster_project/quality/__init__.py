"""The gates between the layers: run the suites inside the engine, keep every result, write what stewards read.

Belongs here: how a suite is run, what a result is, where results and reports are kept. Does not belong here: what is
expected of a table (`expectations/`), or what follows from a failed check (`defs/`).
"""
