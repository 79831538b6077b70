"""The Telegram adapter in a process of its own: says whether it works, then gives one file back to who sent it.

    python -m tests.support.telegram_alone ADDRESS TOKEN [PROXY]

prints {"account"} or {"down"} as a line of JSON and, after the file went both ways, {"bytes"}.
"""

from __future__ import annotations

import asyncio
import json
import sys

from outpost_agent.channels.telegram import make
from outpost_agent.outlet import ProxiedOutlet
from outpost_sdk.channel import ChannelDown, Outgoing
from outpost_sdk.suites.channel import RecordingContext
from tests.support.telegram_rig import file_of


async def main(address: str, token: str, proxy: str = "") -> None:
    """Check, wait for a file, say its size and send it back."""
    channel = make("telegram", {"token": token, "api": address}, ProxiedOutlet(proxy))
    try:
        print(json.dumps({"account": await channel.check()}), flush=True)
    except ChannelDown as error:
        print(json.dumps({"down": error.en}), flush=True)
        return
    context = RecordingContext()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(channel.run(context))
        await context.until_files(1)
        (incoming,) = context.accepted
        (attachment,) = incoming.attachments
        data = context.kept[attachment.id]
        await channel.send(Outgoing(seq=1, id="m1", chat=incoming.chat, text=f"{len(data)} bytes"))
        file = file_of(attachment.name, attachment.type, data)
        await channel.send(Outgoing(seq=2, id="m2", chat=incoming.chat, file=file))
        running.cancel()
    print(json.dumps({"bytes": len(data)}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
