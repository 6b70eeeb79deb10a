"""Real programs at their ordinary work: web, names, files, echo. Each docstring tells the story."""

from __future__ import annotations

import time

from netlab import Lab
from stage import PC, PC6, SERVER, SERVER6, makes, serve_dns, serve_ftp, serve_web, site


@makes("web.pcap")
def web(lab: Lab) -> None:
    """Curl fetches two pages over one kept-alive connection and one more over another."""
    here = site(lab)
    serve_web(lab, here.world)
    capture = here.router.capture("lan0", "web.pcap")
    here.pc.run("curl", "-s", "-o", "/dev/null", f"http://{SERVER}/", "-o", "/dev/null", f"http://{SERVER}/news.txt")
    time.sleep(0.5)
    here.pc.run("curl", "-s", "-o", "/dev/null", "-H", "Connection: close", f"http://{SERVER}/missing")
    time.sleep(1)
    lab.stop(capture)


@makes("dns.pcap")
def dns(lab: Lab) -> None:
    """Dig asks dnsmasq for A, AAAA, a name that does not exist, and once over TCP. Nanosecond time stamps."""
    here = site(lab)
    serve_dns(here.world)
    capture = here.router.capture("lan0", "dns.pcap", "--time-stamp-precision=nano")
    for question in (["www.example.com", "A"], ["www.example.com", "AAAA"], ["nowhere.example.com", "A"], ["+tcp", "www.example.com", "A"]):
        here.pc.run("dig", "@198.51.100.53", *question)
    time.sleep(0.5)
    lab.stop(capture)


@makes("ping.pcap")
def ping(lab: Lab) -> None:
    """Ping from inside to outside and from outside to inside, IPv4 and IPv6."""
    here = site(lab)
    capture = here.router.capture("wan0", "ping.pcap")
    here.pc.run("ping", "-c", "3", SERVER)
    here.pc.run("ping", "-c", "2", SERVER6)
    here.world.run("ping", "-c", "2", "-I", SERVER, PC)
    here.world.run("ping", "-c", "2", "-I", SERVER6, PC6)
    here.pc.run("ping", "-c", "2", "-i", "40", SERVER)
    lab.stop(capture)


@makes("ftp-passive.pcap", "ftp-active.pcap", "ftp-ipv6.pcap")
def ftp(lab: Lab) -> None:
    """Curl lists and fetches from vsftpd: PASV; PORT; and over IPv6 with EPSV and EPRT."""
    here = site(lab)
    serve_ftp(lab, here.world)
    url, url6 = f"ftp://{SERVER}/pub/", f"ftp://[{SERVER6}]/pub/"
    for file, transfers in {
        "ftp-passive.pcap": (("--disable-epsv", url), ("--disable-epsv", url + "readme.txt")),
        "ftp-active.pcap": (("--disable-eprt", "--ftp-port", "-", url), ("--disable-eprt", "--ftp-port", "-", url + "readme.txt")),
        "ftp-ipv6.pcap": ((url6,), (url6 + "readme.txt",), ("--ftp-port", "-", url6 + "readme.txt")),
    }.items():
        capture = here.router.capture("lan0", file)
        for transfer in transfers:
            here.pc.run("curl", "-s", *transfer)
        time.sleep(1)
        lab.stop(capture)


@makes("tftp.pcap")
def tftp(lab: Lab) -> None:
    """The tftp client fetches a file of three blocks from in.tftpd, and asks for one that is not there."""
    here = site(lab)
    root = lab.folder / "tftp"
    root.mkdir()
    (root / "boot.cfg").write_text("kernel=vmlinuz\n" * 80)
    here.world.start("in.tftpd", "--foreground", "--secure", "--user", "root", "--address", f"{SERVER}:69", str(root))
    here.world.wait_for_listener(69, "-u")
    capture = here.router.capture("lan0", "tftp.pcap")
    here.pc.run("tftp", SERVER, "-c", "get", "boot.cfg", "/dev/null")
    here.pc.run("tftp", SERVER, "-c", "get", "absent.cfg", "/dev/null", fails=True)
    time.sleep(0.5)
    lab.stop(capture)


@makes("snaplen.pcap")
def snaplen(lab: Lab) -> None:
    """A web fetch of which the file holds 60 bytes a frame: the cut goes through the TCP options."""
    here = site(lab)
    serve_web(lab, here.world)
    capture = here.router.capture("lan0", "snaplen.pcap", "-s", "60")
    here.pc.run("curl", "-s", "-o", "/dev/null", f"http://{SERVER}/news.txt")
    here.pc.run("ping", "-c", "1", SERVER)
    lab.stop(capture)
