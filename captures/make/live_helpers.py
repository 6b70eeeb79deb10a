"""Protocols that announce other connections, by real programs: FTP in every mode, TFTP both ways, SIP. Each docstring tells the story."""

from __future__ import annotations

import subprocess
import time

from netlab import Host, Lab
from stage import PC, SERVER, SERVER6, makes, site

#: Ports of the media before and after they move, of the caller and of the called.
MEDIA, MOVED, CALLED, CALLED_MOVED = 7000, 7010, 8000, 8010

PYFTPD = """
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import ThreadedFTPServer
authorizer = DummyAuthorizer()
authorizer.add_anonymous("{root}", perm="elr")
FTPHandler.authorizer = authorizer
FTPHandler.passive_ports = range(50000, 50100)
FTPHandler.active_dtp_source_port = 20
ThreadedFTPServer(("::", 21), FTPHandler).serve_forever()
"""


@makes("ftp-modes.pcap")
def ftp_modes(lab: Lab) -> None:
    """Curl fetches a file from pyftpdlib in all four modes over IPv4, then in the two of IPv6."""
    here = site(lab)
    root = lab.folder / "ftp"
    root.mkdir()
    (root / "readme.txt").write_text("read me\n" * 20)
    (lab.folder / "server.py").write_text(PYFTPD.format(root=root))
    here.world.start("/usr/bin/python3", str(lab.folder / "server.py"))
    here.world.wait_for_listener(21)
    capture = here.router.capture("lan0", "ftp-modes.pcap")
    url, url6 = f"ftp://{SERVER}/readme.txt", f"ftp://[{SERVER6}]/readme.txt"
    for options in (["--disable-epsv", url], ["--disable-eprt", "-P", "-", url], [url], ["-P", "-", url], [url6], ["-P", "-", url6]):
        here.pc.run("curl", "-s", *options)
    time.sleep(1)
    lab.stop(capture)


@makes("tftp-both-ways.pcap")
def tftp_both_ways(lab: Lab) -> None:
    """The program atftp writes a file to in.tftpd with a block size of its own, reads it again, and once more over IPv6."""
    here = site(lab)
    _serve_tftp(lab, here.world, f"{SERVER}:69", f"[{SERVER6}]:69")
    capture = here.router.capture("lan0", "tftp-both-ways.pcap")
    _atftp(here.pc, "-p", "-l", "config", SERVER)
    _atftp(here.pc, "-g", "-l", "/dev/null", SERVER)
    _atftp(here.pc, "-g", "-l", "/dev/null", SERVER6)
    time.sleep(0.5)
    lab.stop(capture)


@makes("tftp-other-address.pcap")
def tftp_other_address(lab: Lab) -> None:
    """A server of two addresses that listens on any: it answers a request to one from the other, which nobody announced."""
    here = site(lab)
    _serve_tftp(lab, here.world, ":69")
    capture = here.router.capture("lan0", "tftp-other-address.pcap")
    _atftp(here.pc, "-p", "-l", "config", SERVER)
    time.sleep(0.5)
    lab.stop(capture)


def _serve_tftp(lab: Lab, host: Host, *places: str) -> None:
    """in.tftpd at each of the places, for all files that it is sent."""
    root = lab.folder / "tftp"
    root.mkdir()
    (lab.folder / "config").write_text("hostname edge-7\n" * 100)
    for place in places:
        host.start("in.tftpd", "--foreground", "--secure", "--create", "--user", "root", "--address", place, str(root))
    host.wait_for_listener(69, "-u")
    time.sleep(1)


def _atftp(host: Host, *what: str) -> None:
    """One transfer of edge-7 in blocks of 600 bytes."""
    host.run("atftp", "--option", "blksize 600", *what[:-1], "-r", "edge-7", what[-1])


@makes("sip-calls.pcap")
def sip(lab: Lab) -> None:
    """A telephone registers, is called, and calls: sipp signals, media flow and move to other ports in the middle of the call.

    Registrar and proxy are one host. The call that comes in comes from another port than the registrar's.
    """
    here = site(lab)
    for name, text in SCENARIOS.items():
        (lab.folder / name).write_text(text)
    capture = here.router.capture("lan0", "sip-calls.pcap")
    registrar = _sipp(here.world, "registrar.xml", SERVER, 5060)
    time.sleep(1)
    _sipp(here.pc, "register.xml", PC, 5060, SERVER).wait(timeout=30)
    registrar.wait(timeout=30)
    time.sleep(1)
    phone = _sipp(here.pc, "answer.xml", PC, 5060)
    time.sleep(1)
    caller = _sipp(here.world, "call.xml", SERVER, 5062, f"{PC}:5060")
    _talk(here.world, here.pc, [(MEDIA, CALLED), (MOVED, CALLED_MOVED)], SERVER, PC)
    caller.wait(timeout=30)
    phone.wait(timeout=30)
    proxy = _sipp(here.world, "answer.xml", SERVER, 5060)
    time.sleep(1)
    caller = _sipp(here.pc, "call.xml", PC, 5060, f"{SERVER}:5060")
    _talk(here.pc, here.world, [(MEDIA, CALLED), (MOVED, CALLED_MOVED)], PC, SERVER)
    caller.wait(timeout=30)
    proxy.wait(timeout=30)
    time.sleep(1)
    lab.stop(capture)


def _sipp(host: Host, scenario: str, address: str, port: int, *peer: str) -> subprocess.Popen[bytes]:
    """One call of a scenario."""
    return host.start("env", "TERM=xterm", "sipp", "-sf", scenario, "-i", address, "-p", str(port), "-m", "1", "-nostdin", *peer)


def _talk(caller: Host, called: Host, ports: list[tuple[int, int]], here: str, there: str) -> None:
    """Media of two ends, in the middle of each of the scenario's pauses: three packets of RTP and one of RTCP either way."""
    time.sleep(1)
    for own, other in ports:
        pairs = [(caller.udp(here, own + k), called.udp(there, other + k)) for k in range(2)]
        for count in range(3):
            for one, two in pairs if count == 0 else pairs[:1]:
                one.sendto(b"\x80\x00" + bytes(30), two.getsockname())
                two.sendto(b"\x80\x00" + bytes(30), one.getsockname())
            time.sleep(0.05)
        time.sleep(1.85)


def _message(first: str, cseq: str, body: str = "", more: str = "", *, answer: bool = False) -> str:
    """A message of a scenario; an answer repeats what sipp keeps of the request."""
    if answer:
        head = "[last_Via:]\n[last_From:]\n[last_To:];tag=[call_number]\n[last_Call-ID:]\n[last_CSeq:]"
    else:
        head = (
            "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\nFrom: <sip:one@[local_ip]:[local_port]>;tag=[call_number]\n"
            f"To: <sip:two@[remote_ip]:[remote_port]>[peer_tag_param]\nCall-ID: [call_id]\nCSeq: {cseq}\nMax-Forwards: 70"
        )
    contact = more or "Contact: <sip:one@[local_ip]:[local_port]>"
    kind = "Content-Type: application/sdp\n" if body else ""
    return f"<![CDATA[\n{first}\n{head}\n{contact}\n{kind}Content-Length: [len]\n\n{body}]]>"


def _sdp(port: int) -> str:
    return (
        "v=0\no=one 1 1 IN IP[local_ip_type] [local_ip]\ns=-\nc=IN IP[media_ip_type] [media_ip]\nt=0 0\n"
        f"m=audio {port} RTP/AVP 0\na=rtpmap:0 PCMU/8000\n"
    )


def _scenario(*steps: str) -> str:
    return '<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="lab">\n' + "\n".join(steps) + "\n</scenario>\n"


def _send(message: str) -> str:
    return f"<send>{message}</send>"


def _call(port: int, cseq: int) -> list[str]:
    """The caller's half of an INVITE, and a pause for media."""
    invite = _message("INVITE sip:two@[remote_ip]:[remote_port] SIP/2.0", f"{cseq} INVITE", _sdp(port))
    ack = _message("ACK sip:two@[remote_ip]:[remote_port] SIP/2.0", f"{cseq} ACK")
    return [
        _send(invite),
        '<recv response="180" optional="true"/>',
        '<recv response="200" rtd="true"/>',
        _send(ack),
        '<pause milliseconds="2000"/>',
    ]


def _answer(port: int) -> list[str]:
    """The called one's half."""
    ringing, ok = _message("SIP/2.0 180 Ringing", "", answer=True), _message("SIP/2.0 200 OK", "", _sdp(port), answer=True)
    return ['<recv request="INVITE"/>', _send(ringing), _send(ok), '<recv request="ACK"/>']


_BYE = _message("BYE sip:two@[remote_ip]:[remote_port] SIP/2.0", "3 BYE")
_REGISTER = _message(
    "REGISTER sip:[remote_ip] SIP/2.0", "1 REGISTER", more="Contact: <sip:one@[local_ip]:[local_port]>;expires=120\nExpires: 120"
)
_REGISTERED = _message("SIP/2.0 200 OK", "", more="[last_Contact:]\nExpires: 120", answer=True)
SCENARIOS = {
    "register.xml": _scenario(_send(_REGISTER), '<recv response="200"/>'),
    "registrar.xml": _scenario('<recv request="REGISTER"/>', _send(_REGISTERED)),
    "call.xml": _scenario(*_call(MEDIA, 1), *_call(MOVED, 2), _send(_BYE), '<recv response="200"/>'),
    "answer.xml": _scenario(
        *_answer(CALLED), *_answer(CALLED_MOVED), '<recv request="BYE"/>', _send(_message("SIP/2.0 200 OK", "", answer=True))
    ),
}
