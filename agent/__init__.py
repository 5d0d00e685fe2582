"""The mind: the LangGraph graph of an incident, the deterministic investigator, and the wrappers for a model.

The only package that imports langgraph and langchain; it may import the rooms, `store` and `core`.
Start reading in `graph.py`, then `steps/`, then `investigator.py`.
"""
