"""A worker of the real runtime. Same tasks and same lines as worker.ts; see peer.ts for the protocol."""

import asyncio
import json
import os
import sys

import uvloop
from dynamo.runtime import DistributedRuntime


def tell(**event):
    print(json.dumps(event), flush=True)


def handler_of(instance_id):
    async def generate(request, context):
        tell(event="request", id=context.id())
        task = request["do"]
        if task == "count":
            for number in range(request["n"]):
                yield number
        elif task == "echo":
            yield request["value"]
        elif task == "who":
            yield instance_id
        elif task == "id":
            yield context.id()
        elif task == "metadata":
            yield dict(context.metadata.items()) if hasattr(context, "metadata") else {}
        elif task == "fail":
            raise ValueError("no such thing")
        elif task == "failMidway":
            for number in range(request["after"]):
                yield number
            raise RuntimeError("lost my way")
        elif task == "endless":
            try:
                number = 0
                while not context.is_stopped():
                    yield number
                    number += 1
                    await asyncio.sleep(0.005)
            finally:
                tell(event="ended", stopped=context.is_stopped(), killed=context.is_killed())

    return generate


async def main():
    discovery, plane = os.environ["DYN_DISCOVERY_BACKEND"], os.environ["DYN_REQUEST_PLANE"]
    # Without the last argument releases before 1.2 want a NATS server for their events; later ones pass over it.
    runtime = DistributedRuntime(asyncio.get_running_loop(), discovery, plane, plane == "nats")
    endpoint = runtime.endpoint(sys.argv[1])
    instance_id = str(endpoint.connection_id())
    serving = asyncio.ensure_future(endpoint.serve_endpoint(handler_of(instance_id)))
    tell(event="ready", instance=instance_id)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
    runtime.shutdown()
    await serving


uvloop.install()
asyncio.run(main())
