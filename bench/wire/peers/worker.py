"""A worker of the real runtime that answers as the others do."""

import asyncio
import os
import sys

import uvloop
from dynamo.runtime import DistributedRuntime

go = asyncio.Event()
TEXT = "abcdefghijklmnopqrst"


async def generate(request, context):
    size = request["size"]
    text = (TEXT * (size // len(TEXT) + 1))[:size]
    for index in range(request["items"]):
        if context.is_stopped():
            return
        yield text
        if index == 0 and request.get("gated"):
            await go.wait()


async def main():
    runtime = DistributedRuntime(
        asyncio.get_running_loop(), os.environ["DYN_DISCOVERY_BACKEND"], os.environ["DYN_REQUEST_PLANE"], False
    )
    serving = asyncio.ensure_future(runtime.endpoint(sys.argv[1]).serve_endpoint(generate))
    print("ready", flush=True)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        go.set() if line == b"open\n" else go.clear()
    runtime.shutdown()
    await serving


uvloop.install()
asyncio.run(main())
