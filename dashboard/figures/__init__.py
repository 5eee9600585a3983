"""The figures that pages show, read from the marts of one release, one module a topic.

Belongs here: questions to the release and their answers as tables; plain functions that know neither Streamlit nor
languages. Does not belong here: definitions of figures (docs/metrics.md, `dbt/models/marts`), how they are drawn.

Every question takes the folder of a release, so its answer never changes and may be kept as long as wanted.
"""
