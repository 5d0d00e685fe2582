"""Eyes: metrics, logs and changes, behind tiny ports; read-only. It imports `store` and `core`. Start in `metrics.py`."""
