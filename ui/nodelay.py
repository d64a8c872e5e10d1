"""Takes 40 ms off every answer of the server.

Streamlit binds its socket without naming a protocol, so asyncio does not recognise it as TCP and leaves Nagle's
algorithm on: the body of an answer then waits until the browser acknowledges its head, which browsers delay by 40 ms.
Accepted connections inherit the option from the listening socket.
"""

from __future__ import annotations

import gc
import socket


def answer_at_once() -> int:
    """Switch Nagle's algorithm off for the sockets this process listens on; returns how many there are."""
    changed = 0
    for found in [thing for thing in gc.get_objects() if type(thing) is socket.socket]:
        try:
            if found.type == socket.SOCK_STREAM and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                changed += 1
        except OSError:  # closed meanwhile, or no TCP socket: nothing to speed up
            continue
    return changed
