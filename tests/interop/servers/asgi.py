"""An application under uvicorn, on a port of its choice, which it writes as its first line once it serves."""

import socket
import sys

import uvicorn


class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        # What an application writes meanwhile may go elsewhere.
        print(sockets[0].getsockname()[1], flush=True, file=sys.__stdout__)


def serve(app, **options):
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="error", **options)
    Server(config).run(sockets=[listener])
