"""A client of the real runtime. Same commands and same lines as client.ts; see peer.ts for the protocol."""

import asyncio
import json
import os
import sys

import uvloop
from dynamo.runtime import Context, DistributedRuntime

ROUTES = {"random": "random", "roundRobin": "round_robin", "direct": "direct"}


def tell(**event):
    print(json.dumps(event), flush=True)


async def call(client, n, mode, request, instance=None, cancel=None, after=None, metadata=None):
    context = Context(metadata=metadata) if metadata else Context()
    items, error = [], None
    try:
        target = [] if instance is None else [int(instance)]
        stream = await getattr(client, ROUTES[mode])(request, *target, context=context)
        async for item in stream:
            items.append(item.data())
            if len(items) == 1:
                tell(event="begun", n=n)
            if cancel and len(items) == after:
                if cancel == "leave":
                    break
                context.stop_generating()
        del stream
    except Exception as exception:  # whatever it is, the test looks at it
        error = str(exception)
    tell(event="answer", n=n, id=context.id(), items=items, error=error)


async def wait(client, n, count):
    while len(client.instance_ids()) != count:
        await asyncio.sleep(0.01)
    tell(event="answer", n=n, instances=[str(instance) for instance in client.instance_ids()])


async def main():
    discovery, plane = os.environ["DYN_DISCOVERY_BACKEND"], os.environ["DYN_REQUEST_PLANE"]
    # Without the last argument releases before 1.2 want a NATS server for their events; later ones pass over it.
    runtime = DistributedRuntime(asyncio.get_running_loop(), discovery, plane, plane == "nats")
    client = await runtime.endpoint(sys.argv[1]).client()
    tell(event="ready")
    reader = asyncio.StreamReader(limit=2**30)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    under_way = set()
    while line := await reader.readline():
        command = json.loads(line)
        run = {"call": call, "wait": wait}[command.pop("op")]
        under_way.add(asyncio.ensure_future(run(client, **command)))
    for task in under_way:
        task.cancel()
    runtime.shutdown()


uvloop.install()
asyncio.run(main())
