"""The engine room: wiring, job bodies, timers, the collector, the rule evaluator, the execution of actions.

It imports everything below the doors; the doors open it. Start in `house.py`, then `jobs.py`, then `healing.py`.
"""
