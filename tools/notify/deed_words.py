"""What an action does and how far it reaches, in the language of the chat; English stands on the card already."""

from collections.abc import Mapping
from typing import Any

from core.catalogue import Language, Phrase
from core.phrases_deeds import DOES, REACH
from core.plain_text import cut, visible

CHARS_MAX = 240
NOT_KNOWN = "?"
NOW = {"scale": "replicas", "rollout_to_revision": "revision", "config_change": "value"}
"""What was seen of the target that an action takes the place of."""


def deed_words(execution: Mapping[str, Any], language: Language) -> dict[str, str]:
    """`does` and `blast_radius` for a card; empty in English, and for actions that have no phrase."""
    if language is Language.EN or not execution.get("intent"):
        return {}
    values = _values(execution)
    found = {"does": DOES.get(values["action"]), "blast_radius": REACH.get(values["action"])}
    return {name: _said(phrase, language, values) for name, phrase in found.items() if phrase is not None}


def _said(phrase: Phrase, language: Language, values: Mapping[str, str]) -> str:
    return cut(visible(phrase.text(language).format_map(values)), CHARS_MAX)


def _values(execution: Mapping[str, Any]) -> dict[str, str]:
    """Everything that a phrase may name, from the bound action and what was seen of its target."""
    intent, observed = execution["intent"], execution.get("observed") or {}
    seen = observed.get("seen")
    seen = seen if isinstance(seen, Mapping) else {}
    asked = {name: str(value) for name, value in intent["parameters"].items()}
    version = next((text for name, text in asked.items() if name.startswith("to")), NOT_KNOWN)
    limits = ", ".join(f"{name}={asked[name]}" for name in ("memory_mib", "cpu_millis") if name in asked)
    return {
        "action": str(intent["action"]),
        "resource": str(intent["resource_id"]),
        "endpoint": str(intent["endpoint_id"]).removeprefix("setting:").removeprefix("tracker:"),
        "pods": str(seen.get("pods", NOT_KNOWN)),
        "now": str(seen.get(NOW.get(intent["action"], ""), NOT_KNOWN)),
        "release": str(observed.get("release") or NOT_KNOWN),
        "version": version,
        "line": str(observed.get("line") or asked.get("command", NOT_KNOWN)),
        "limits": limits or NOT_KNOWN,
        "container": asked.get("container", NOT_KNOWN),
        **{name: asked.get(name, NOT_KNOWN) for name in ("replicas", "pod", "revision", "value")},
    }
