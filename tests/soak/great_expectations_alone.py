"""Imports Great Expectations without Spark when it is imported itself: a server of processes can only be told modules.

Belongs here: this import. Where Spark is installed, importing it the plain way ends a process that was not started from
a file, as such a server.
"""

from dagster_project.quality.importing import import_great_expectations

import_great_expectations()
