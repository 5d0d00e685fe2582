"""Outside forms become core values: webhooks, change events, site and playbook files; and the intake that folds alerts.

It imports `store` and `core`, never another room. Start reading in `intake.py`, then `alertmanager.py`.
"""
