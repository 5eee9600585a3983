"""What people look at: the figures of the current release as pages in a browser (`make dashboard`).

Belongs here: reading a release, the figures as they are shown, charts, pages, and their words in every language. Does
not belong here: computing figures (dbt does; a page only picks, adds up and divides what the marts hold), writing
anything.
"""
