"""The floor that runs the others: stages, tracking, reports."""

import sys

# jsonschema, which checks notebooks, would compile a grammar of web addresses at every start: over a second a stage.
sys.modules.setdefault("rfc3987_syntax", None)
