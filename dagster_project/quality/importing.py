"""The import of Great Expectations, the dearest of all.

Belongs here: leaving out what no suite uses. Does not belong here: suites and how they run.

Two modules of Great Expectations, for the Kullback-Leibler and Kolmogorov-Smirnov expectations, import SciPy's
statistics and Altair's charts: a quarter of the seconds that its import takes. No suite uses these expectations; one
that did would be reported as a check that could not be run. PySpark, where it is installed, would add as much again, so
it is imported only for gates that run on Spark; Spark Connect never, whose import ends a process that was not started
from a file.
"""

import sys
from types import ModuleType

LEFT_OUT = ("altair", "scipy", "scipy.stats")


def import_great_expectations(*, with_spark: bool = False) -> None:
    """Import it without what no suite uses; calling it again changes nothing.

    Raises RuntimeError where Spark is wanted after it was imported without.
    """
    if "great_expectations" in sys.modules:
        from great_expectations.compatibility.pyspark import pyspark

        if with_spark and not pyspark:
            raise RuntimeError("Great Expectations was imported without Spark. Run gates on Spark in another process.")
        return
    placeholders: dict[str, ModuleType | None] = {
        name: ModuleType(name) for name in LEFT_OUT if name not in sys.modules
    }
    if "scipy" in placeholders:
        placeholders["scipy"].stats = placeholders.get("scipy.stats")
    if not with_spark and "pyspark" not in sys.modules:
        # Not a module: importing it fails, and Great Expectations does without.
        placeholders["pyspark"] = None
    elif "pyspark.sql.connect" not in sys.modules:
        placeholders["pyspark.sql.connect"] = None
    sys.modules.update(placeholders)
    try:
        import great_expectations  # noqa: F401
    finally:
        # Whoever imports them later gets the real ones.
        for name in placeholders:
            del sys.modules[name]
