"""Flask-Limiter under waitress. Arguments: the latency in ms, and the limiter's options as JSON."""

import json
import sys
import time

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from waitress import create_server

latency = int(sys.argv[1]) / 1000
app = Flask(__name__)
options = json.loads(sys.argv[2])
Limiter(get_remote_address, app=app, storage_uri="memory://", **options)


@app.post("/<path:path>")
def answer(path):
    time.sleep(latency)
    return "done"


server = create_server(app, host="127.0.0.1", port=0, threads=200)
print(server.effective_port, flush=True)
server.run()
