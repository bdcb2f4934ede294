"""fastapi-limiter under uvicorn. Arguments: the latency in ms, and as JSON the limiter's options and
the Redis that counts."""

import asyncio
import json
import sys
from contextlib import asynccontextmanager

from asgi import serve
from fastapi import Depends, FastAPI
from fastapi_limiter import FastAPILimiter
from fastapi_limiter.depends import RateLimiter
from redis.asyncio import Redis

latency = int(sys.argv[1]) / 1000
options = json.loads(sys.argv[2])
redis = Redis.from_url(options.pop("redis"), decode_responses=True)


@asynccontextmanager
async def lifespan(_):
    await FastAPILimiter.init(redis)
    yield
    await FastAPILimiter.close()


app = FastAPI(lifespan=lifespan)


@app.post("/{path:path}", dependencies=[Depends(RateLimiter(**options))])
async def answer():
    await asyncio.sleep(latency)
    return "done"


serve(app)
