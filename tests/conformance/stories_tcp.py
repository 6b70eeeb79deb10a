"""TCP stories: what the kernel's own selftests are about, the edges of every time-out, and windows with ground truth.

The stories about lost acknowledgements, RSTs, challenge ACKs and SYN-ACKs follow what the packetdrill tests of the kernel's conntrack
(tools/testing/selftests/net/netfilter/packetdrill) say they check; the packets are ours.
"""

from __future__ import annotations

from raw_packets import ACK, FIN, PSH, RST, SYN, sack
from story import CLIENT, MSS, SACK_OK, SERVER, STRICT, Story, Talk, story, wscale

_TCP_STATES = {
    "syn-sent": (120, lambda t: t.syn()),
    "syn-recv": (60, lambda t: t.synack()),
    "syn-sent2": (120, lambda t: t.syn().say(SERVER, SYN)),
    "established": (432000, lambda t: t.open()),
    "unreplied": (300, lambda t: t.say(CLIENT, ACK)),
    "unacknowledged": (300, lambda t: t.open().say(CLIENT, PSH | ACK, 10)),
    "zero-window": (300, lambda t: t.open().say(SERVER, ACK, win=0)),
    "fin-wait": (120, lambda t: t.open().fin(CLIENT)),
    "close-wait": (60, lambda t: t.open().fin(CLIENT).say(SERVER, ACK)),
    "last-ack": (30, lambda t: t.open().fin(CLIENT).fin(SERVER)),
    "time-wait": (120, lambda t: t.open().fin(CLIENT).fin(SERVER).say(CLIENT, ACK)),
    "close": (10, lambda t: t.open().rst(CLIENT)),
}


def _edges(told: Story, times: dict[str, int]) -> None:
    """Bring two connections into each state; a packet comes a millisecond before the time-out of one, and one after that of the other."""
    for number, (name, (_, reach)) in enumerate(_TCP_STATES.items()):
        for late in (0, 1):
            talk = Talk(told, 2000 + 2 * number + late, six=number % 2 == 1)
            reach(talk)
            # The last packet came a millisecond ago.
            talk.now += times[name] * 1000 - 2 + 2 * late
            talk.say(CLIENT, ACK)
    for late in (0, 1):
        talk = Talk(told, 2100 + late).open()
        talk.say(CLIENT, PSH | ACK, 10)
        for _ in range(3):
            talk.say(CLIENT, PSH | ACK, 10, seq=talk.next[CLIENT] - 10)
        talk.now += times["retransmitted"] * 1000 - 2 + 2 * late
        talk.say(CLIENT, ACK)


@story()
def tcp_timeouts(told: Story) -> None:
    """Every state's time-out, a millisecond before it and a millisecond after it."""
    _edges(told, {name: seconds for name, (seconds, _) in _TCP_STATES.items()} | {"retransmitted": 300})


_OTHER = {
    "syn-sent": ("syn_sent", 20),
    "syn-recv": ("syn_recv", 21),
    "established": ("established", 900),
    "unacknowledged": ("unacknowledged", 75),
    "fin-wait": ("fin_wait", 23),
    "close-wait": ("close_wait", 24),
    "last-ack": ("last_ack", 25),
    "time-wait": ("time_wait", 26),
    "close": ("close", 27),
    "zero-window": ("max_retrans", 80),
}


@story(STRICT, *(f"tcp_timeout_{name}={seconds}" for name, seconds in _OTHER.values()))
def tcp_timeouts_sysctl(told: Story) -> None:
    """The same with every time-out set by sysctl, to values that are all different."""
    _edges(told, {name: seconds for name, (_, seconds) in _OTHER.items()} | {"syn-sent2": 120, "unreplied": 75, "retransmitted": 80})


@story()
def ack_loss_stall(told: Story) -> None:
    """Every acknowledgement was lost behind us: the sender begins again with the first segment, far below the bound. It must pass."""
    talk = Talk(told, 3000)
    talk.win[CLIENT] = 257
    talk.open()
    for _ in range(50):
        talk.data(CLIENT, 1460)
    talk.say(CLIENT, PSH | ACK, 1460, seq=1001)
    talk.say(SERVER, ACK)


@story()
def rst_inexact(told: Story) -> None:
    """A FIN was seen: RSTs that do not match exactly close the connection, and more of them are not invalid."""
    talk = Talk(told, 3100).open().data(SERVER, 3000).data(CLIENT, 1000)
    talk.fin(SERVER).say(CLIENT, ACK)
    talk.wait(1).say(CLIENT, RST | ACK)
    talk.wait(0.1).say(SERVER, RST, seq=talk.first[SERVER] + 2001, win=0)


@story()
def rst_invalid(told: Story) -> None:
    """RSTs on an established connection: below, far beyond, old, one short: all refused. The exact one closes."""
    talk = Talk(told, 3200)
    talk.options = [MSS + SACK_OK + wscale(8), MSS]
    talk.open()
    for _ in range(3):
        talk.data(SERVER, 1000)
    talk.say(CLIENT, PSH | ACK, 1000)
    first = talk.first[SERVER]
    for offset in (0, 1_000_000, 42):
        talk.say(SERVER, RST, seq=first + offset, win=0)
    talk.say(SERVER, ACK)
    talk.say(SERVER, RST | ACK, seq=talk.next[SERVER] - 1, win=0)
    talk.say(SERVER, RST | ACK, win=0)


@story(STRICT, "tcp_ignore_invalid_rst=1")
def rst_invalid_ignored(told: Story) -> None:
    """The same with tcp_ignore_invalid_rst: what lies below is let through and closes nothing."""
    rst_invalid(told)


@story()
def challenge_ack(told: Story) -> None:
    """The server still knows an older connection: a challenge ACK, the client's RST, the SYN again, and a new connection."""
    talk = Talk(told, 3300)
    talk.options[CLIENT] = MSS + SACK_OK + wscale(8)
    talk.syn()
    talk.wait(0.1).say(SERVER, ACK, seq=145_000_000, ack=643_000_000, win=240)
    talk.say(CLIENT, RST, seq=643_000_000, win=0)
    talk.wait(0.1)
    talk.next[CLIENT] = talk.first[CLIENT]
    talk.open().data(CLIENT)


@story()
def synack_old(told: Story) -> None:
    """A SYN-ACK for an earlier SYN, the SYN again, and the right SYN-ACK with a lower number."""
    talk = Talk(told, 3400, isn=(1000, 145_758_918))
    talk.options[CLIENT] = MSS + SACK_OK + wscale(8)
    talk.syn()
    talk.wait(0.1).say(SERVER, SYN | ACK, seq=145_824_453, ack=643_160_523, win=240)
    talk.next[CLIENT] = talk.first[CLIENT]
    talk.wait(1).synack().say(CLIENT, PSH | ACK, 1)
    talk.say(SERVER, ACK)


@story()
def synack_reuse(told: Story) -> None:
    """A SYN with new numbers on a live connection: challenge ACK, RST, the SYN again, and its SYN-ACK begins a new connection."""
    talk = Talk(told, 3500)
    talk.options = [MSS + wscale(7), MSS + wscale(8)]
    talk.open().data(CLIENT)
    again = Talk(told, 3500, isn=(3000, 9_000_000))
    talk.wait(1).say(CLIENT, SYN, seq=3000)
    talk.say(SERVER, ACK)
    talk.say(CLIENT, RST | ACK)
    again.now = talk.now + 1500
    again.open().data(CLIENT)


@story()
def syn_on_live_answered(told: Story) -> None:
    """A SYN on a live connection that the server answers: the ends were in step, and the new numbers count."""
    talk = Talk(told, 3600).open().data(CLIENT)
    talk.options = [MSS + wscale(3) + SACK_OK, MSS + wscale(5)]
    talk.next = [4_000_000_000, 77]
    talk.wait(2).open().data(CLIENT).data(SERVER)


@story()
def window_wrap(told: Story) -> None:
    """Sequence numbers wrap inside the window, on both sides; a segment a window beyond is refused."""
    talk = Talk(told, 4000, isn=(0xFFFFF000, 0x7FFFF000))
    talk.options = [MSS + wscale(2), MSS + wscale(1)]
    talk.open()
    for _ in range(6):
        talk.data(CLIENT, 1400).data(SERVER, 1400)
    talk.say(CLIENT, ACK, 10, seq=talk.next[CLIENT] + 131_070 + 1)
    talk.say(CLIENT, ACK, 10, seq=talk.next[CLIENT] + 65536 + 131_070 + 1)
    talk.say(CLIENT, ACK, 0, seq=talk.next[CLIENT] - 262_140)
    talk.data(CLIENT)


@story()
def window_edges(told: Story) -> None:
    """Each of the four conditions one number short of its bound, on it, and beyond."""
    for number, step in enumerate((-2, -1, 0, 1, 2)):
        for six in (False, True):
            base = 4100 + 10 * number
            talk = [Talk(told, base + each, six=six) for each in range(5)]
            for each in talk:
                each.win = [1000, 3000]
                each.open().data(CLIENT, 500).data(SERVER, 700)
            talk[0].say(CLIENT, ACK, 100, seq=talk[0].next[CLIENT] + 3000 + step)
            talk[1].say(CLIENT, ACK, 100, seq=talk[1].next[CLIENT] - 3000 - 100 + step)
            talk[2].say(CLIENT, ACK, 0, ack=talk[2].next[SERVER] + step)
            talk[3].say(CLIENT, ACK, 0, ack=talk[3].next[SERVER] - 66000 + step)
            talk[4].say(CLIENT, ACK, 3000, seq=talk[4].next[CLIENT] + 3000 + step)
            for each in talk:
                each.wait(1).data(CLIENT).data(SERVER)


@story(STRICT, "tcp_be_liberal=1")
def window_edges_liberal(told: Story) -> None:
    """The same with tcp_be_liberal."""
    window_edges(told)


@story()
def scale_lost(told: Story) -> None:
    """A middlebox took the window scale option out of the SYN-ACK: windows are as they stand, and large data is refused."""
    for port, server in ((4300, MSS), (4301, MSS + wscale(7)), (4302, b""), (4303, MSS + wscale(15))):
        talk = Talk(told, port)
        talk.options = [MSS + wscale(7), server]
        talk.win = [1000, 1000]
        talk.open().data(CLIENT, 500)
        talk.say(CLIENT, ACK, 100, seq=talk.next[CLIENT] + 1000)
        talk.say(CLIENT, ACK, 100, seq=talk.next[CLIENT] + 20_000)
        talk.say(CLIENT, ACK, 100, seq=talk.next[CLIENT] + 200_000)
        talk.data(SERVER)


@story()
def scale_in_midstream(told: Story) -> None:
    """Picked up in the middle no window can be judged; a connection whose SYN was not seen but whose SYN-ACK was is not picked up."""
    talk = Talk(told, 4400)
    talk.win = [500, 500]
    talk.data(CLIENT).data(SERVER)
    talk.say(CLIENT, ACK, 100, seq=talk.next[CLIENT] + 5_000_000)
    talk.say(SERVER, ACK, 0, ack=talk.next[CLIENT] + 9_000_000)
    other = Talk(told, 4401)
    other.next[CLIENT] += 1
    other.say(SERVER, SYN | ACK)
    other.say(CLIENT, ACK)
    other.data(CLIENT)


@story()
def window_shrinks(told: Story) -> None:
    """A receiver takes back the window that it announced; what the sender sent meanwhile still lies within the larger one."""
    talk = Talk(told, 4500)
    talk.open().data(CLIENT, 1000)
    talk.say(SERVER, ACK, win=100)
    talk.say(CLIENT, ACK, 1000)
    talk.say(CLIENT, ACK, 1000)
    talk.say(SERVER, ACK, win=0)
    talk.say(CLIENT, ACK, 1000, seq=talk.next[CLIENT] + 63_000)
    talk.say(CLIENT, ACK, 1000, seq=talk.next[CLIENT] + 66_000)
    talk.data(SERVER)


@story()
def blind_attacks(told: Story) -> None:
    """An attacker who knows the ports guesses the rest: RST, SYN, data, FIN, ACK anywhere. The connection goes on."""
    talk = Talk(told, 4600).open().data(CLIENT).data(SERVER)
    for guess in (0, 1, 1 << 20, 1 << 30, 1 << 31, 3 << 30, 0xFFFFFFFF):
        talk.say(SERVER, RST, seq=guess, win=0)
        talk.say(SERVER, RST | ACK, seq=guess, ack=guess, win=0)
        talk.say(SERVER, SYN, seq=guess)
        talk.say(CLIENT, SYN, seq=guess)
        talk.say(SERVER, PSH | ACK, 10, seq=guess, ack=guess)
        talk.say(SERVER, FIN | ACK, seq=guess, ack=guess)
        talk.say(SERVER, SYN | ACK, seq=guess, ack=guess)
    talk.wait(1).data(CLIENT).data(SERVER)


@story()
def zero_window(told: Story) -> None:
    """The window shuts, is probed with a byte for a long time, and opens again."""
    talk = Talk(told, 4700).open().data(CLIENT, 1000)
    talk.say(CLIENT, PSH | ACK, 1000)
    talk.say(SERVER, ACK, win=0)
    for pause in (5, 10, 20, 40, 80, 120, 120):
        talk.wait(pause).say(CLIENT, ACK, 1, seq=talk.next[CLIENT])
        talk.say(SERVER, ACK, win=0)
    talk.say(SERVER, ACK, win=1000)
    talk.data(CLIENT, 500)


@story()
def keepalives(told: Story) -> None:
    """Keepalives one number back, with a byte and without, answered and not; picked up in the middle, too."""
    for port, start in ((4800, True), (4801, False)):
        talk = Talk(told, port)
        if start:
            talk.open()
        for size in (0, 1):
            for _ in range(5):
                talk.wait(75).say(CLIENT, ACK, size, seq=talk.next[CLIENT] - 1)
                if size:
                    talk.say(SERVER, ACK)
        talk.data(SERVER)


@story()
def selective_acknowledgements(told: Story) -> None:
    """What SACK blocks say counts as acknowledged: with permission, without it, beyond what was sent, half the circle away, two blocks."""
    for port, permitted in ((4900, True), (4901, False)):
        talk = Talk(told, port)
        talk.options = [MSS + SACK_OK, MSS + SACK_OK if permitted else MSS]
        talk.open()
        low = talk.next[CLIENT]
        for _ in range(3):
            talk.say(CLIENT, ACK, 1000)
        for blocks in ([(low + 1000, low + 3000)], [(low + 2000, low + 3000), (low + 1000, low + 1500)], [(low + 1000, low + 3001)]):
            talk.say(SERVER, ACK, ack=low, options=sack(*blocks))
        for edge in (low + (1 << 31), low + (1 << 31) - 1, low + (1 << 31) + 1, low - 1):
            talk.say(SERVER, ACK, ack=low, options=sack((edge - 10, edge)))
        talk.say(SERVER, ACK)


@story()
def retransmissions(told: Story) -> None:
    """A segment repeated with nobody answering: the time-out falls at the third repetition, and rises with the answer."""
    talk = Talk(told, 5000).open()
    talk.say(CLIENT, PSH | ACK, 10)
    for _ in range(5):
        talk.wait(1).say(CLIENT, PSH | ACK, 10, seq=talk.next[CLIENT] - 10)
    talk.say(SERVER, ACK)
    talk.data(CLIENT)


@story(STRICT, "tcp_max_retrans=1", "tcp_timeout_max_retrans=90")
def retransmissions_sysctl(told: Story) -> None:
    """The same with other numbers."""
    retransmissions(told)


@story(STRICT, "tcp_loose=0")
def strict_pickup(told: Story) -> None:
    """Nothing is picked up in the middle; after a time-out the rest of a connection is invalid."""
    Talk(told, 5100).data(CLIENT).data(SERVER)
    Talk(told, 5101).open().rst(CLIENT).wait(11).data(SERVER)


@story()
def simultaneous_open(told: Story) -> None:
    """Both sides open at once; both close at once."""
    talk = Talk(told, 5200)
    talk.syn().say(SERVER, SYN)
    talk.say(CLIENT, SYN | ACK, seq=talk.first[CLIENT])
    talk.say(SERVER, SYN | ACK, seq=talk.first[SERVER])
    talk.data(CLIENT).data(SERVER)
    talk.fin(CLIENT).say(SERVER, FIN | ACK, ack=talk.next[CLIENT] - 1)
    talk.say(CLIENT, ACK)
    talk.say(SERVER, ACK)


@story()
def ports_again(told: Story) -> None:
    """The same ports again in TIME_WAIT, in CLOSE (by either side's RST) and in LAST_ACK, with higher and with lower numbers."""
    ends = (
        lambda t: t.fin(CLIENT).fin(SERVER).say(CLIENT, ACK),
        lambda t: t.rst(CLIENT),
        lambda t: t.rst(SERVER),
        lambda t: t.fin(CLIENT).fin(SERVER),
        lambda t: t.fin(SERVER),
    )
    for number, end in enumerate(ends):
        for higher in (0, 1):
            old = Talk(told, 5300 + 2 * number + higher).open().data(CLIENT)
            end(old)
            isn = (old.next[CLIENT] + 70_000 if higher else 10, 900_000)
            Talk(told, old.ends[0][1], isn=isn, start=old.now + 1000).open().data(CLIENT).data(SERVER)


@story("tcp flags & urg == urg reject with tcp reset; tcp flags & rst == rst reject with tcp reset")
def rejected_with_reset(told: Story) -> None:
    """A rule that answers with a RST closes a connection in whatever state; RSTs are not answered; a first packet leaves nothing."""
    urg = 32
    for number, (_, reach) in enumerate(_TCP_STATES.values()):
        talk = Talk(told, 5400 + number, six=number % 2 == 0)
        reach(talk)
        talk.say(SERVER, ACK | urg)
        talk.wait(1).say(CLIENT, ACK)
        talk.wait(1).say(CLIENT, ACK | urg)
        talk.wait(12).say(CLIENT, ACK)
    talk = Talk(told, 5450).open()
    talk.say(SERVER, RST)
    first = Talk(told, 5451)
    first.say(CLIENT, SYN | urg)
    first.say(SERVER, SYN | ACK)
