"""An application under uvicorn, on a port of its choice, which it writes as its first line."""

import socket

import uvicorn


def serve(app, **options):
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(app, log_level="error", **options)
    uvicorn.Server(config).run(sockets=[listener])
