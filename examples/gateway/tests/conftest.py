"""Starts the gateway and its mock upstream, on free ports."""

import json
import os
import re
import subprocess
import urllib.request
from pathlib import Path

import pytest

BINARIES = Path(os.environ["GATEWAY_BINARIES"])


class Running:
    """A program that listens somewhere, until it is stopped."""

    def __init__(self, name, *options):
        self.process = subprocess.Popen(
            [BINARIES / name, "--listen", "127.0.0.1:0", *options], stdout=subprocess.PIPE, text=True
        )
        line = self.process.stdout.readline()
        self.url = re.fullmatch(r"Listening on (http://\S+)/\n", line)[1]

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return answer.read().decode()

    def json(self, path):
        return json.loads(self.get(path))

    def stop(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def start():
    """Starts a program by its name and options."""
    running = []

    def start_one(name, *options):
        running.append(Running(name, *options))
        return running[-1]

    yield start_one
    for one in running:
        one.stop()


@pytest.fixture
def upstream(start):
    """An API that works on five requests at once, and says nothing of it."""
    return start("mock-upstream", "--concurrency", "5", "--latency", "100ms")


@pytest.fixture
def gateway(start, upstream):
    return start("gateway", "--upstream", f"mock={upstream.url}", "--log", "error")
