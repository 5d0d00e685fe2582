"""grammY against the fake: a client in another language sees the same Telegram.

Skipped where node or grammY is missing, unless neighbours are required; grammY is one of tests/clients' packages.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.clients import node
from tests.fakes.flood import Rate
from tests.fakes.telegram import fake_telegram
from tests.fakes.telegram_rules import TelegramLimits
from tests.fakes.telegram_state import TOKEN, Person

SCRIPT = Path(__file__).parent / "telegram_second_opinion.cjs"
APPROVER, OUTSIDER = Person(101, "the approver"), Person(202, "the outsider")
GROUP = -1001


async def next_line(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout
    async with asyncio.timeout(15):
        line: dict[str, Any] = json.loads(await process.stdout.readline())
        return line


async def test_grammy_sees_the_same_telegram() -> None:
    program = node.node()
    thirty = TelegramLimits(per_chat=Rate(30, 60.0), per_group=Rate(1000, 60.0), overall=Rate(1000, 1.0))
    async with fake_telegram(thirty) as telegram:
        telegram.world.private(APPROVER)
        telegram.world.group(GROUP, APPROVER, OUTSIDER, forum=True)
        process = await asyncio.create_subprocess_exec(
            *(program, str(SCRIPT), telegram.url, TOKEN, str(GROUP), str(APPROVER.id)),
            stdout=asyncio.subprocess.PIPE,
            env=node.environment(),
        )
        try:
            seen = {(line := await next_line(process))["what"]: line for _ in range(6)}
            assert seen["card"]["thread"] in telegram.world.chats[GROUP].topics
            assert "can't parse entities: Unsupported start tag" in seen["html"]["description"]
            assert seen["data"]["description"] == "Bad Request: BUTTON_DATA_INVALID"
            assert "message is not modified" in seen["same"]["description"]
            assert (seen["many"]["code"], seen["many"]["parameters"]["retry_after"] > 50) == (429, True)
            assert telegram.hand.messages(GROUP, "the log")[0].content == b"line\n"
            card = telegram.hand.messages(GROUP, "card")[0]
            assert await telegram.hand.answer_to(telegram.hand.press(OUTSIDER, card, "Approve")) == "not possible"
            assert (await next_line(process))["by"] == OUTSIDER.id
            assert await telegram.hand.answer_to(telegram.hand.press(APPROVER, card, "Approve")) == "ok"
            assert (await next_line(process))["id"] == "0123456789ab"
            await telegram.hand.sees(GROUP, f"approved by {APPROVER.id}")
            telegram.hand.say(APPROVER, APPROVER.id, "/stop now")
            assert (await next_line(process))["text"] == "now"
            assert (await next_line(process))["what"] == "end"
            assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
