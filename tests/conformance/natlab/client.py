"""One conversation from a given address: ``client.py "tcp('10.0.0.1', ('192.0.2.1', 80))"``."""

import socket
import sys


def tcp(source, target, port=0):
    """Say something and read the answer."""
    with socket.socket() as made:
        made.settimeout(2)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((source, port))
        made.connect(target)
        made.sendall(b"hello")
        return made.recv(99)


def udp(source, target, port=0):
    """The same twice."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.settimeout(2)
        made.bind((source, port))
        made.sendto(b"hi", target)
        made.recv(99)
        made.sendto(b"yo", target)
        return made.recv(99)


sys.stdout.write(f"{eval(sys.argv[1])}\n")
