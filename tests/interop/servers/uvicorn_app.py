"""uvicorn's own limit. Arguments: the latency in ms, and uvicorn's options as JSON."""

import asyncio
import json
import sys

from asgi import serve
from fastapi import FastAPI

latency = int(sys.argv[1]) / 1000
app = FastAPI()


@app.post("/{path:path}")
async def answer():
    await asyncio.sleep(latency)
    return "done"


serve(app, **json.loads(sys.argv[2]))
