"""How a model ends: `propose_action` or `conclude`, with forms built per incident and checked here after the model."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agent.offer import Offer
from agent.redaction import Redactor
from core.diagnosis import THE_CAUSE, Cause, Diagnosis
from core.evidence import Evidence, EvidenceKind
from core.plain_text import cut, storable, visible
from core.playbook import ParameterKind, ParameterRule

PROPOSE, CONCLUDE = "propose_action", "conclude"
ENDINGS = (PROPOSE, CONCLUDE)
SENTENCE_CHARS_MAX = 600
UNKNOWNS_MAX = 8
CITED_MAX = 20
_REQUIRED = {PROPOSE: {"playbook_id", "parameters", "evidence_ids", "root_cause"}, CONCLUDE: {"root_cause"}}
_KNOWN = {"playbook_id", "parameters", "evidence_ids", "confidence", "cause", "service", "root_cause", "unknowns"}


@dataclass(frozen=True)
class Ground:
    """What an ending is checked against: the offers, the services of the incident, and the evidence that exists."""

    offers: Sequence[Offer]
    services: frozenset[str]
    evidence: Mapping[str, Evidence]


def ending_tools(ground: Ground, redactor: Redactor) -> list[dict[str, Any]]:
    """The two endings as function tools; without an offer there is only `conclude`."""
    said = {
        "root_cause": {"type": "string", "description": "One or two plain sentences."},
        "cause": {"type": "string", "enum": [cause.value for cause in Cause]},
        "service": {"type": "string", "enum": sorted(filter(redactor.is_harmless, ground.services)) or ["-"]},
        "evidence_ids": {"type": "array", "items": {"type": "string"}, "description": "Ids such as E1 or T2."},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "unknowns": {"type": "array", "items": {"type": "string"}},
    }
    tools = [_tool(CONCLUDE, "End without choosing an action.", said, ["root_cause", "evidence_ids", "confidence"])]
    if wish := _wish_form(ground.offers, redactor):
        needed = [*wish, "root_cause", "evidence_ids", "confidence"]
        tools.insert(0, _tool(PROPOSE, "End by wishing for one action; a person decides.", {**wish, **said}, needed))
    return tools


def wish_tool(offers: Sequence[Offer], redactor: Redactor) -> list[dict[str, Any]]:
    """`propose_action` alone, for a chat; none without an offer."""
    wish = _wish_form(offers, redactor)
    said = "Propose one action in the name of the person, who asked for it. People decide; nothing is done before."
    return [_tool(PROPOSE, said, wish, list(wish))] if wish else []


def wish_faults(arguments: Mapping[str, Any], offers: Sequence[Offer]) -> list[str]:
    """Everything that is wrong with a `propose_action` that consists of the wish alone."""
    if set(arguments) != {"playbook_id", "parameters"}:
        return [f"{PROPOSE} takes exactly: parameters, playbook_id"]
    return _wish_faults(PROPOSE, arguments, offers)


def faults_of(name: str, arguments: Mapping[str, Any], ground: Ground) -> list[str]:
    """Everything that is wrong with an ending; nothing of it is used unless this is empty."""
    allowed = _KNOWN if name == PROPOSE else _KNOWN - {"playbook_id", "parameters"}
    # A fault never repeats what the model wrote: it is stored and shown, and an outsider may have dictated it.
    faults = [f"{name} takes only: {', '.join(sorted(allowed))}"] if set(arguments) - allowed else []
    faults += [f"{key} is missing" for key in sorted(_REQUIRED[name] - set(arguments))]
    if faults:
        return faults
    return [
        fault for fault in (*_said_faults(arguments, ground), *_wish_faults(name, arguments, ground.offers)) if fault
    ]


def wish_of(name: str, arguments: Mapping[str, Any]) -> dict[str, object]:
    """The wish of an ending without faults."""
    if name != PROPOSE:
        return {}
    return {"playbook_id": arguments["playbook_id"], "parameters": dict(arguments["parameters"])}


def diagnosis_of(draft: Diagnosis, arguments: Mapping[str, Any], ground: Ground) -> Diagnosis:
    """The draft, refined by an ending without faults."""
    cause, service = Cause(arguments.get("cause", draft.cause)), str(arguments.get("service", draft.service))
    cited = [ground.evidence[key] for key in dict.fromkeys(arguments.get("evidence_ids", []))]
    own = {e.id for e in draft.evidence}
    same = (cause, service) == (draft.cause, draft.service)
    unknowns = [plain(text) for text in arguments.get("unknowns", [])]
    if not same and draft.cause is not Cause.UNKNOWN:
        unknowns.insert(0, f"The rules concluded otherwise: {draft.summary}")
    if not same and draft.cause is Cause.UNKNOWN:
        rules = [text for text in draft.unknowns if text != THE_CAUSE]
    else:
        rules = list(draft.unknowns)
    return replace(
        draft,
        cause=cause,
        service=service,
        summary=plain(arguments["root_cause"]),
        evidence=(*draft.evidence, *(e for e in cited if e.id not in own)),
        unknowns=tuple(dict.fromkeys((*unknowns, *rules))),
        confirmed=_is_confirmed(cause, cited, agreed=same and draft.confirmed),
        by="model",
    )


def plain(text: str) -> str:
    """A model's sentence as it may be stored and shown: one line, short, nothing invisible, no link that works."""
    line = " ".join(visible(storable(text)).split())
    return cut(line.replace("://", ":// ").replace("](", "] ("), SENTENCE_CHARS_MAX)


def _is_confirmed(cause: Cause, cited: Iterable[Evidence], *, agreed: bool) -> bool:
    """Two kinds of signal that no outsider can write, or one and the rules' own confirmed conclusion."""
    kinds = {e.kind for e in cited if not e.outsider} - {EvidenceKind.PAST_INCIDENT}
    return cause is not Cause.UNKNOWN and (len(kinds) >= 2 or (agreed and bool(kinds)))


def _said_faults(arguments: Mapping[str, Any], ground: Ground) -> list[str]:
    faults = []
    if not (isinstance(arguments["root_cause"], str) and arguments["root_cause"].strip()):
        faults.append("root_cause must be a sentence")
    if arguments.get("cause", Cause.UNKNOWN) not in [cause.value for cause in Cause]:
        faults.append("cause is not one of the causes that are offered")
    if "service" in arguments and not _is_in(arguments["service"], ground.services):
        faults.append("service is not one of the services of this incident")
    confidence = arguments.get("confidence", 0)
    if isinstance(confidence, bool) or not isinstance(confidence, int | float) or not 0 <= confidence <= 1:
        faults.append("confidence must be a number from 0 to 1")
    unknowns = arguments.get("unknowns", [])
    if not _are_words(unknowns, UNKNOWNS_MAX):
        faults.append(f"unknowns must be at most {UNKNOWNS_MAX} sentences")
    return [*faults, _evidence_fault(arguments, ground)]


def _evidence_fault(arguments: Mapping[str, Any], ground: Ground) -> str:
    ids = arguments.get("evidence_ids", [])
    if not _are_words(ids, CITED_MAX):
        return f"evidence_ids must be at most {CITED_MAX} ids"
    if any(key not in ground.evidence for key in ids):
        return f"evidence_ids must be ids that exist: {', '.join(ground.evidence) or 'none'}"
    concludes = "playbook_id" in arguments or arguments.get("cause", Cause.UNKNOWN) != Cause.UNKNOWN
    return "cite at least one id in evidence_ids" if concludes and not ids and ground.evidence else ""


def _wish_form(offers: Sequence[Offer], redactor: Redactor) -> dict[str, Any]:
    """What a wish consists of, as enums of what is offered; empty without an offer that may be shown."""
    shown = [o for o in offers if all(redactor.is_harmless(value) for value in o.fixed.values())]
    if not shown:
        return {}
    return {
        "playbook_id": {"type": "string", "enum": sorted({offer.playbook_id for offer in shown})},
        "parameters": _parameters(shown),
    }


def _wish_faults(name: str, arguments: Mapping[str, Any], every: Sequence[Offer]) -> list[str]:
    if name != PROPOSE:
        return []
    offers = [offer for offer in every if offer.playbook_id == arguments["playbook_id"]]
    if not offers:
        return ["playbook_id is not one of the playbooks that are offered"]
    parameters = arguments["parameters"]
    if not isinstance(parameters, Mapping):
        return ["parameters must be an object"]
    faults = [offer.fault(parameters) for offer in offers]
    return [] if "" in faults else [f"{faults[0]}; see list_allowed_actions"]


def _parameters(offers: Sequence[Offer]) -> dict[str, Any]:
    values: dict[str, set[str]] = {}
    free: dict[str, ParameterRule] = {}
    for offer in offers:
        free |= offer.free
        for name, value in offer.fixed.items():
            values.setdefault(name, set()).add(value)
    properties = {name: _rule_form(rule) for name, rule in free.items()}
    properties |= {name: {"type": "string", "enum": sorted(known)} for name, known in values.items()}
    return {"type": "object", "properties": properties, "description": "As list_allowed_actions gives them."}


def _rule_form(rule: ParameterRule) -> dict[str, Any]:
    if rule.kind is ParameterKind.INTEGER:
        return {"type": "integer", "minimum": rule.minimum, "maximum": rule.maximum}
    return {"type": "string", "enum": list(rule.choices)}


def _tool(name: str, description: str, properties: Mapping[str, Any], required: Sequence[str]) -> dict[str, Any]:
    form = {"type": "object", "properties": dict(properties), "required": list(required), "additionalProperties": False}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": form}}


def _is_in(value: object, values: frozenset[str]) -> bool:
    return isinstance(value, str) and value in values


def _are_words(values: object, values_max: int) -> bool:
    if not isinstance(values, list) or len(values) > values_max:
        return False
    return all(isinstance(value, str) for value in values)


def confidence_of(arguments: Mapping[str, Any]) -> float:
    """The model's own confidence, 0 where it gave none; shown, never decided on."""
    return float(arguments.get("confidence", 0.0))
