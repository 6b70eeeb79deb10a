"""TCP in trouble: resets, closed windows, losses, dead peers, and cards that finish the packets."""

from __future__ import annotations

import socket
import threading
import time

from netlab import Lab
from stage import SERVER, abort, makes, site


@makes("reset.pcap")
def reset(lab: Lab) -> None:
    """A server resets in mid-stream, a port that nobody listens on answers with a RST, a client aborts a download in flight."""
    here = site(lab)
    capture = here.router.capture("wan0", "reset.pcap")
    listener = here.world.listen(SERVER, 7000)
    client = here.pc.connect(SERVER, 7000)
    accepted, _ = listener.accept()
    client.sendall(b"hello\n")
    accepted.recv(100)
    accepted.sendall(b"half of the ans")
    time.sleep(0.1)
    abort(accepted)
    time.sleep(0.1)
    refused = here.pc.socket()
    if not refused.connect_ex((SERVER, 7001)):
        raise RuntimeError("somebody listens on port 7001")
    client = here.pc.connect(SERVER, 7000)
    accepted, _ = listener.accept()
    accepted.setblocking(False)
    accepted.send(b"d" * 30000)
    client.recv(2000)
    abort(client)
    time.sleep(1)
    lab.stop(capture)


@makes("zero-window.pcap")
def zero_window(lab: Lab) -> None:
    """A receiver that does not read for ten seconds: the window closes, probes keep asking, then everything flows."""
    here = site(lab)
    listener = here.world.listen(SERVER, 7100)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    capture = here.router.capture("lan0", "zero-window.pcap")
    client = here.pc.connect(SERVER, 7100)
    accepted, _ = listener.accept()
    client.setblocking(False)
    sent = client.send(b"z" * 20000)
    time.sleep(10)
    received = 0
    while received < sent:
        received += len(accepted.recv(65536))
    client.close()
    accepted.close()
    time.sleep(1)
    lab.stop(capture)


@makes("loss.pcap")
def loss(lab: Lab) -> None:
    """A download over a line that loses and reorders: retransmissions, duplicate ACKs, SACK."""
    here = site(lab)
    listener = here.world.listen(SERVER, 7200)
    here.world.netem("isp0", "delay", "10ms", "reorder", "85%", "loss", "8%")
    capture = here.router.capture("lan0", "loss.pcap")
    client = here.pc.connect(SERVER, 7200)
    accepted, _ = listener.accept()
    sender = threading.Thread(target=lambda: (accepted.sendall(b"l" * 60000), accepted.close()))
    sender.start()
    while client.recv(65536):
        pass
    client.close()
    sender.join()
    time.sleep(2)
    lab.stop(capture)


@makes("dead-peer.pcap")
def dead_peer(lab: Lab) -> None:
    """The server's line goes dead under a living connection; the client repeats itself for a quarter of an hour and gives up."""
    here = site(lab)
    listener = here.world.listen(SERVER, 7300)
    capture = here.router.capture("lan0", "dead-peer.pcap")
    client = here.pc.connect(SERVER, 7300)
    accepted, _ = listener.accept()
    accepted.sendall(b"all well\n")
    client.recv(100)
    here.router.netem("wan0", "loss", "100%")
    client.sendall(b"still there?\n")
    client.settimeout(None)
    try:
        client.recv(100)
    except OSError as error:
        print(f"gave up: {error}")
    lab.stop(capture)


@makes("offload.pcap")
def offload(lab: Lab) -> None:
    """An upload captured on the sender with segmentation and checksum offload on: frames of up to 64 KB, checksums not yet made."""
    here = site(lab, offload=True)
    listener = here.world.listen(SERVER, 7400)
    capture = here.pc.capture("eth0", "offload.pcap", "-s", "128")
    client = here.pc.connect(SERVER, 7400)
    accepted, _ = listener.accept()
    sender = threading.Thread(target=lambda: (client.sendall(b"o" * 400_000), client.close()))
    sender.start()
    while accepted.recv(65536):
        pass
    accepted.close()
    sender.join()
    time.sleep(0.5)
    lab.stop(capture)
