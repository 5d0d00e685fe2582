"""The nodes of the incident graph, one file a step. Same imports as `agent`. Start in `recall.py`."""
