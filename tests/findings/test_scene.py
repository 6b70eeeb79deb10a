"""What detectors share."""

from __future__ import annotations

import numpy as np
from packets import LAN, WAN, packets
from sample_run import context

from pcapaudit.core import consts
from pcapaudit.findings.scene import Scene, address_text, endpoint_text


def test_masks_follow_the_zones():
    """An interface that no zone has is neither inside nor outside."""
    scene = Scene(context())
    batch, verdicts = packets({}, {"iif": LAN}, {"iif": consts.IFACE_UNKNOWN}, {"verdict": consts.VERDICT_REJECT, "reason": 1})
    view = scene.view(batch, verdicts)
    rows = np.arange(4)
    assert view.inbound(rows).tolist() == [True, False, False, True]
    assert view.to_inside(rows).tolist() == [True, True, True, True]
    assert view.refused(rows).tolist() == [False, False, False, True]
    assert view.marked["reasoned"].tolist() == [3]
    assert (scene.inside[LAN], scene.outside[WAN]) == (True, True)


def test_view_is_made_once_a_batch():
    """Claims of one detector are seen by the next, and are gone with the batch."""
    scene = Scene(context())
    batch, verdicts = packets({}, {})
    scene.view(batch, verdicts).claimed[0] = True
    assert scene.view(batch, verdicts).claimed.tolist() == [True, False]
    batch.first_frame += 2
    assert scene.view(batch, verdicts).claimed.tolist() == [False, False]


def test_view_shows_packets():
    """Addresses, ports, payload and frame numbers of a row."""
    view = Scene(context()).view(*packets({}, {"src": "2001:db8::1", "sport": 53, "payload": b"hello"}, first_frame=11))
    assert (view.frame(1), view.source(1), view.destination(0)) == (12, "[2001:db8::1]:53", "192.168.10.20")
    assert view.payload(1) == b"hello"
    assert view.payload(1, 2) == b"he"
    assert view.payload(0) == b""


def test_texts():
    """IPv4, IPv6, and no port."""
    assert address_text(0, 0x0A000001, 4) == "10.0.0.1"
    assert endpoint_text(address_text(0x20010DB800000000, 1, 6), 443) == "[2001:db8::1]:443"
    assert endpoint_text("10.0.0.1", 443) == "10.0.0.1:443"
    assert endpoint_text("10.0.0.1", 0) == "10.0.0.1"
