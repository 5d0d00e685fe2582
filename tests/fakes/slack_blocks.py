"""Block Kit: what Slack would refuse, found before it is shown. A fault is a sentence with a JSON pointer."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.fakes.slack_elements import BLOCK_ID_MAX, element_faults, text_faults
from tests.fakes.slack_rich_text import rich_text_faults
from tests.fakes.slack_rules import BLOCKS_TEXT_MAX, MARKDOWN_TEXT_MAX, PRIVATE_METADATA_MAX, SlackRefused, faulty

Block = Mapping[str, Any]
MESSAGE_BLOCKS_MAX = 50
VIEW_BLOCKS_MAX = 100
SECTION_TEXT_MAX = 3000
FIELD_TEXT_MAX = 2000
FIELDS_MAX = 10
HEADER_TEXT_MAX = 150
LABEL_MAX = 2000
ACTIONS_MAX = 25
CONTEXT_MAX = 10
TITLE_MAX = 24
IN_MESSAGES_ONLY = frozenset({
    "markdown", "alert", "card", "task_card", "plan", "table", "container", "carousel", "file", "call",
    "context_actions",
})  # fmt: skip
IN_VIEWS_ONLY = frozenset({"input"})  # the house takes input in modals only
EVERYWHERE = frozenset({"section", "divider", "header", "actions", "context", "image", "rich_text", "video"})


def check_message_blocks(blocks: Any) -> None:
    """Refuse the blocks of a message."""
    _check(blocks, MESSAGE_BLOCKS_MAX, EVERYWHERE | IN_MESSAGES_ONLY, "invalid_blocks")
    if _text_of(blocks) > BLOCKS_TEXT_MAX:
        raise SlackRefused("msg_blocks_too_long")


def check_view(view: Any) -> None:
    """Refuse a modal."""
    if not isinstance(view, dict) or view.get("type") not in ("modal", "home"):
        raise faulty("invalid_arguments", "missing required field: type [json-pointer:/view]")
    faults: list[str] = []
    if view["type"] == "modal":
        faults += text_faults(view.get("title"), "/view/title", TITLE_MAX, plain=True)
        for name in ("submit", "close"):
            if view.get(name) is not None:
                faults += text_faults(view[name], f"/view/{name}", TITLE_MAX, plain=True)
        has_input = any(isinstance(one, dict) and one.get("type") == "input" for one in view.get("blocks") or ())
        if has_input and not view.get("submit"):
            faults.append("submit is required when an input block is present [json-pointer:/view/submit]")
    if len(view.get("private_metadata") or "") > PRIVATE_METADATA_MAX:
        faults.append(f"must be less than {PRIVATE_METADATA_MAX + 1} characters [json-pointer:/view/private_metadata]")
    for name in ("callback_id", "external_id"):
        if len(view.get(name) or "") > BLOCK_ID_MAX:
            faults.append(f"must be less than {BLOCK_ID_MAX + 1} characters [json-pointer:/view/{name}]")
    if faults:
        raise faulty("invalid_arguments", *faults)
    _check(view.get("blocks"), VIEW_BLOCKS_MAX, EVERYWHERE | IN_VIEWS_ONLY, "invalid_arguments", "/view/blocks")


def _check(blocks: Any, most: int, allowed: frozenset[str], error: str, where: str = "/blocks") -> None:
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise SlackRefused("invalid_blocks_format")
    faults = [f"no more than {most} items allowed [json-pointer:{where}]"] if len(blocks) > most else []
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        at = f"{where}/{index}"
        name = block.get("block_id")
        if name is not None and not 1 <= len(str(name)) <= BLOCK_ID_MAX:
            faults.append(f"must be less than {BLOCK_ID_MAX + 1} characters [json-pointer:{at}/block_id]")
        if name in seen:
            faults.append(f"`block_id` {name} already exists [json-pointer:{at}/block_id]")
        seen |= {name} if name else set()
        if block.get("type") not in allowed:
            faults.append(f"unsupported type: {block.get('type')} [json-pointer:{at}/type]")
        else:
            faults += _block_faults(block, at)
    long = sum(len(block.get("text") or "") for block in blocks if block.get("type") == "markdown")
    if long > MARKDOWN_TEXT_MAX:
        faults.append(f"markdown blocks hold more than {MARKDOWN_TEXT_MAX} characters in all [json-pointer:{where}]")
    if faults:
        raise faulty(error, *faults)


def _text_of(blocks: Any) -> int:
    """All characters that are shown."""
    if isinstance(blocks, list):
        return sum(_text_of(one) for one in blocks)
    if not isinstance(blocks, dict):
        return 0
    own = len(blocks["text"]) if isinstance(blocks.get("text"), str) else 0
    return own + sum(_text_of(value) for value in blocks.values())


def _block_faults(block: Block, at: str) -> Iterator[str]:
    match block["type"]:
        case "section":
            yield from _section_faults(block, at)
        case "header":
            yield from text_faults(block.get("text"), f"{at}/text", HEADER_TEXT_MAX, plain=True)
        case "actions":
            yield from _elements_faults(block, at, ACTIONS_MAX, "actions")
        case "context":
            yield from _context_faults(block, at)
        case "rich_text":
            yield from rich_text_faults(block, at)
        case "input":
            yield from text_faults(block.get("label"), f"{at}/label", LABEL_MAX, plain=True)
            if block.get("hint"):
                yield from text_faults(block["hint"], f"{at}/hint", LABEL_MAX, plain=True)
            yield from element_faults(block.get("element"), f"{at}/element", "input")
        case "markdown":
            if not isinstance(block.get("text"), str) or not block["text"]:
                yield f"missing required field: text [json-pointer:{at}/text]"
        case "image":
            if not block.get("alt_text"):
                yield f"missing required field: alt_text [json-pointer:{at}/alt_text]"
            if bool(block.get("image_url")) == bool(block.get("slack_file")):
                yield f"exactly one of image_url and slack_file [json-pointer:{at}]"


def _section_faults(block: Block, at: str) -> Iterator[str]:
    if block.get("text") is None and not block.get("fields"):
        yield f"missing required field: text or fields [json-pointer:{at}]"
    if block.get("text") is not None:
        yield from text_faults(block["text"], f"{at}/text", SECTION_TEXT_MAX)
    fields = block.get("fields") or []
    if len(fields) > FIELDS_MAX:
        yield f"no more than {FIELDS_MAX} items allowed [json-pointer:{at}/fields]"
    for index, one in enumerate(fields):
        yield from text_faults(one, f"{at}/fields/{index}", FIELD_TEXT_MAX)
    if block.get("accessory") is not None:
        yield from element_faults(block["accessory"], f"{at}/accessory", "section")


def _elements_faults(block: Block, at: str, most: int, place: str) -> Iterator[str]:
    elements = block.get("elements")
    if not isinstance(elements, list) or not elements:
        yield f"must have at least 1 element [json-pointer:{at}/elements]"
        return
    if len(elements) > most:
        yield f"no more than {most} items allowed [json-pointer:{at}/elements]"
    names = [one.get("action_id") for one in elements if isinstance(one, dict) and one.get("action_id")]
    if len(names) != len(set(names)):
        yield f"`action_id` is used twice [json-pointer:{at}/elements]"
    for index, one in enumerate(elements):
        yield from element_faults(one, f"{at}/elements/{index}", place)


def _context_faults(block: Block, at: str) -> Iterator[str]:
    elements = block.get("elements") or []
    if not 1 <= len(elements) <= CONTEXT_MAX:
        yield f"from 1 to {CONTEXT_MAX} elements allowed [json-pointer:{at}/elements]"
    for index, one in enumerate(elements):
        if isinstance(one, dict) and one.get("type") == "image":
            if not one.get("alt_text"):
                yield f"missing required field: alt_text [json-pointer:{at}/elements/{index}]"
        else:
            yield from text_faults(one, f"{at}/elements/{index}", SECTION_TEXT_MAX)
