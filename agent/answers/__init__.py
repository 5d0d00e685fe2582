"""Answers to the questions that need no model, one file a subject, each read from the tables at the moment of asking.

Same imports as `agent`. The chat without a model says them, and the model's read tools are the same functions. Start
in `status.py`.
"""
