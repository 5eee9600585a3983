"""The public Olist data set, which lies beside the project and may not be committed.

Belongs here: where it is, and what its tests need. Does not belong here: what is expected of it.
"""

import pytest

from dagster_project.settings import PROJECT_ROOT

EXTRACTS = PROJECT_ROOT.parent / "shared" / "data" / "olist"
MAPPING = PROJECT_ROOT / "sample" / "mappings" / "olist.yml"
REASON = "the Olist data set is not here: it lies in shared/data beside the project and may not be committed"
needs_olist = pytest.mark.skipif(not EXTRACTS.is_dir(), reason=REASON)
