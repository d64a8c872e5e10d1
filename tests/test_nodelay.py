"""Connections to a server that was bound as Streamlit binds its own send small answers at once."""

from __future__ import annotations

import socket

from ui.nodelay import answer_at_once


def test_connections_inherit_the_option_from_a_listening_socket() -> None:
    with socket.socket(socket.AF_INET) as listener, socket.socket() as closed:
        closed.close()
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        assert answer_at_once() >= 1
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
