#!/usr/bin/env python3
"""Draws a terminal in which a program runs, as an SVG.

    pip install pyte
    cargo build --release --example batch
    options="--api rpm=600,burst=10 --latency 50ms --explain"
    docs/terminal.py docs/plots/batch-explain.svg --at 12 --shown "cargo run --release --example batch -- $options" \\
        -- target/release/examples/batch $options

`--at` is the second at which the picture is taken, counted from the first output; the program is ended then. `--shown`
is the command that stands in the picture.
"""

import argparse
import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from xml.sax.saxutils import escape

import pyte

COLUMNS, ROWS = 100, 26
WIDTH, HEIGHT, MARGIN = 8.4, 18, 12


def run(command, seconds):
    """The lines on the screen, when that time has passed since the first output."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    end = None
    while end is None or time.monotonic() < end:
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            seen = os.read(terminal, 65536)
        except OSError:
            break
        end = end or time.monotonic() + seconds
        stream.feed(seen)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return [line.rstrip() for line in screen.display]


def svg(command, lines):
    """A picture of the command and the lines that it wrote."""
    lines = ["$ " + command] + lines
    while not lines[-1]:
        lines.pop()
    width, height = COLUMNS * WIDTH + 2 * MARGIN, len(lines) * HEIGHT + 2 * MARGIN
    yield f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" role="img">'
    yield '<rect width="100%" height="100%" rx="6" fill="#1e1e1e"/>'
    yield '<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="14" fill="#d4d4d4" xml:space="preserve">'
    for number, line in enumerate(lines):
        y = MARGIN + (number + 0.75) * HEIGHT
        # The length is set, so that any font has the columns of a terminal.
        length = f' textLength="{len(line) * WIDTH:.1f}"' if line else ""
        yield f'<text x="{MARGIN}" y="{y:.1f}"{length}>{escape(line)}</text>'
    yield "</g></svg>"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture")
    parser.add_argument("--at", type=float, default=5)
    parser.add_argument("--shown")
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    shown = arguments.shown or " ".join(arguments.command)
    picture = "\n".join(svg(shown, run(arguments.command, arguments.at)))
    with open(arguments.picture, "w", encoding="utf-8") as file:
        file.write(picture + "\n")


main()
