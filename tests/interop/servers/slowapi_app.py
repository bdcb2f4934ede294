"""slowapi under uvicorn. Arguments: the latency in ms, and the limiter's options as JSON."""

import asyncio
import json
import sys

from asgi import serve
from fastapi import FastAPI, Request, Response
from slowapi import Limiter, _rate_limit_exceeded_handler
from slowapi.errors import RateLimitExceeded
from slowapi.util import get_remote_address

latency = int(sys.argv[1]) / 1000
options = json.loads(sys.argv[2])
limit = options.pop("limit")
limiter = Limiter(key_func=get_remote_address, **options)
app = FastAPI()
app.state.limiter = limiter
app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)


@app.post("/{path:path}")
@limiter.limit(limit)
async def answer(request: Request, response: Response):
    await asyncio.sleep(latency)
    return "done"


serve(app)
