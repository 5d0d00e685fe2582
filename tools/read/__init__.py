"""Eyes: metrics, logs and changes, behind tiny ports. It imports `store` and `core`. Start in `metrics.py`."""
