"""Frames of every encapsulation in every order of two, made by scapy, read by tshark and by the sensor's parser:
innermost addresses, protocol, ports and the first bytes of the payload have to agree. Then the same over captures,
if any are named.

  encapsulation.py DISSECT [CAPTURE | FOLDER]...

DISSECT is the program that shows the parser's reading: `cargo build -p sekisho-tests --bin dissect`, then
target/debug/dissect. It needs tshark (Debian package `tshark`) and scapy (PyPI); `cargo xtask test` runs it.

What differs is in differences.toml, frame by frame, with its reason. Any other difference fails the comparison, and so
does one that is listed and not found.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from scapy.all import (  # type: ignore[import-untyped]
    GRE, IP, TCP, UDP, VXLAN, Dot1AD, Dot1Q, Ether, IPv6, PPP, PPPoE, Raw, wrpcap,
)
from scapy.contrib.erspan import ERSPAN_II, ERSPAN_III
from scapy.contrib.etherip import EtherIP
from scapy.contrib.geneve import GENEVE
from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer
from scapy.contrib.mpls import MPLS, EoMCW

MACS = {"src": "02:00:00:00:00:02", "dst": "02:00:00:00:00:01"}


def outer4(proto):
    return IP(src="192.0.2.33", dst="192.0.2.44", proto=proto)


def outer6(nh):
    return IPv6(src="2001:db8:7::33", dst="2001:db8:7::44", nh=nh)


def is_packet(piece):
    return isinstance(piece, (IP, IPv6))


def is_frame(piece):
    return isinstance(piece, Ether)


def ether_type(piece):
    return {IP: 0x0800, IPv6: 0x86DD, MPLS: 0x8847, PPPoE: 0x8864}[type(piece)]


def framed(piece, tags=()):
    """In Ethernet, behind tags of these types."""
    if is_frame(piece):
        # A frame in a frame is a tunnel of its own: the simplest one.
        piece = gre(piece)
    types = [*tags, ether_type(piece)]
    frame = Ether(type=types[0], **MACS)
    for position, tag in enumerate(tags):
        layer = Dot1AD if tag == 0x88A8 else Dot1Q
        frame = frame / layer(prio=5, vlan=position, type=types[position + 1])
    return frame / piece


def packed(piece):
    """As an IP packet, by the simplest tunnel where it is none."""
    return piece if is_packet(piece) else gre(framed(piece) if not is_frame(piece) else piece)


def gre(piece, outer=outer4, **flags):
    if isinstance(piece, PPPoE):
        piece = framed(piece)
    proto = 0x6558 if is_frame(piece) else ether_type(piece)
    return outer(47) / GRE(proto=proto, **flags) / piece


# tshark goes by the label, as a router does; the sensor has to go by the bytes.
LABEL, WORDED, BARE = 16, 800, 900


def mpls(piece, labels, bottom):
    stack = piece
    for label in range(labels):
        stack = MPLS(label=100 + label if label else bottom, s=int(label == 0), ttl=64) / stack
    return stack


def label(piece, labels):
    if is_frame(piece):
        return mpls(EoMCW() / piece, labels, WORDED)
    return mpls(packed(piece), labels, LABEL)


def bare_pseudowire(piece):
    return mpls(piece if is_frame(piece) else framed(piece), 2, BARE)


def pppoe(piece):
    piece = piece if isinstance(piece, MPLS) else packed(piece)
    proto = {IP: 0x0021, IPv6: 0x0057, MPLS: 0x0281}[type(piece)]
    return PPPoE(sessionid=7) / PPP(proto=proto) / piece


def mirrored(header, **flags):
    def wrap(piece):
        frame = piece if is_frame(piece) else framed(piece)
        proto = 0x22EB if isinstance(header, ERSPAN_III) else 0x88BE
        carrier = outer4(47) / GRE(proto=proto, **flags)
        return carrier / header / frame if header is not None else carrier / frame
    return wrap


def ip_in_ip(outer):
    def wrap(piece):
        piece = packed(piece)
        return outer(4 if isinstance(piece, IP) else 41) / piece
    return wrap


def in_frame(wrap):
    return lambda piece: wrap(piece if is_frame(piece) else framed(piece))


def datagram(outer, port):
    return outer(17) / UDP(sport=50_000, dport=port, chksum=0)


def teredo(piece):
    piece = packed(piece)
    if isinstance(piece, IP):
        piece = outer6(4) / piece
    return datagram(outer4, 3544) / piece


def geneve(piece):
    proto = 0x6558 if is_frame(piece) else ether_type(piece)
    return datagram(outer6, 6081) / GENEVE(proto=proto, vni=7) / piece


WRAPPERS = {
    "802.1Q": lambda piece: framed(piece, [0x8100]),
    "QinQ": lambda piece: framed(piece, [0x88A8, 0x8100]),
    "9100": lambda piece: framed(piece, [0x9100, 0x8100]),
    "three tags": lambda piece: framed(piece, [0x88A8, 0x8100, 0x8100]),
    "MPLS": lambda piece: label(piece, 1),
    "six labels": lambda piece: label(piece, 6),
    "bare pseudowire": bare_pseudowire,
    "PPPoE": pppoe,
    "GRE": lambda piece: gre(packed(piece)),
    "GRE in IPv6, all fields": lambda piece: gre(
        piece, outer6, chksum_present=1, key_present=1, seqnum_present=1, key=9, seqence_number=8
    ),
    "GRE with Ethernet": in_frame(lambda frame: gre(frame, key_present=1, key=9)),
    "ERSPAN I": mirrored(None),
    "ERSPAN II": mirrored(ERSPAN_II(session_id=7), seqnum_present=1, seqence_number=1),
    "ERSPAN III": mirrored(ERSPAN_III(session_id=7), seqnum_present=1, seqence_number=1),
    "IP in IPv4": ip_in_ip(outer4),
    "IP in IPv6": ip_in_ip(outer6),
    "EtherIP": in_frame(lambda frame: outer4(97) / EtherIP() / frame),
    "VXLAN": in_frame(lambda frame: datagram(outer4, 4789) / VXLAN(vni=7, flags=8) / frame),
    "VXLAN, 8472": in_frame(lambda frame: datagram(outer6, 8472) / VXLAN(vni=7, flags=8) / frame),
    "Geneve": geneve,
    "GTP-U": lambda piece: datagram(outer4, 2152) / GTP_U_Header(teid=9, gtp_type=255) / packed(piece),
    "GTP-U, extension": lambda piece: datagram(outer6, 2152)
    / GTP_U_Header(teid=9, gtp_type=255, E=1, next_ex=0x85)
    / GTPPDUSessionContainer(type=0, QFI=1, NextExtHdr=0)
    / packed(piece),
    "Teredo": teredo,
}

INNERMOST = {
    "IPv4": lambda: IP(src="198.51.100.7", dst="203.0.113.9") / TCP(sport=40_000, dport=443) / Raw(b"GET / HTTP"),
    "IPv6": lambda: IPv6(src="2001:db8:5::1", dst="2001:db8:81::9")
    / UDP(sport=5_000, dport=5_001)
    / Raw(b"0123456789abcdef0123"),
}

def generated():
    """Names and frames."""
    for innermost, make in INNERMOST.items():
        for outer, wrap_outer in WRAPPERS.items():
            yield f"{outer} around {innermost}", framed_whole(wrap_outer(make()))
            for inner, wrap_inner in WRAPPERS.items():
                piece = wrap_outer(wrap_inner(make()))
                yield f"{outer} around {inner} around {innermost}", framed_whole(piece)


def framed_whole(piece):
    return piece if is_frame(piece) else framed(piece)


# Frame by frame, as the sensor reads; and what tshark cannot know of our frames.
OPTIONS = [
    "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", "-o", "tcp.desegment_tcp_streams:FALSE",
    "-d", "udp.port==8472,vxlan",
    "-d", f"mpls.label=={WORDED},pwethcw", "-d", f"mpls.label=={BARE},pwethnocw",
]

# What an extension header is called, and the field that says what is behind it.
EXTENSIONS = {
    "ipv6.hopopts": "ipv6.hopopts.nxt",
    "ipv6.routing": "ipv6.routing.nxt",
    "ipv6.fraghdr": "ipv6.fraghdr.nxt",
    "ipv6.dstopts": "ipv6.dstopts.nxt",
    "ah": "ah.next_header",
}
NEXT = {"ip": "ip.proto", "ipv6": "ipv6.nxt"}

NAMES = [
    "frame.number", "frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport", "tcp.dstport",
    "udp.srcport", "udp.dstport", "tcp.payload", "udp.payload", *NEXT.values(), *EXTENSIONS.values(),
    "_ws.expert.message",
]

# Fields in which a reading consists, and what a difference in the first of them is called.
FIELDS = {"source": "addresses", "destination": "addresses", "protocol": "protocol", "ports": "ports",
          "payload": "payload"}


def tshark(path):
    """tshark's reading, a frame each: how it ends, and what it reads. Whether it found the capture whole."""
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a",
               "-E", "aggregator=;", *OPTIONS]
    command += [word for name in NAMES for word in ("-e", name)]
    done = subprocess.run(command, capture_output=True, text=True)
    # A remark may have several lines.
    lines = re.split(r"\n(?=\d+\t)", done.stdout.rstrip("\n")) if done.stdout else []
    return [innermost(dict(zip(NAMES, line.split("\t", len(NAMES) - 1)))) for line in lines], done.returncode == 0


def innermost(values):
    protocols = values["frame.protocols"].split(":")
    # What an ICMP error quotes is not inside of it.
    for quoting in ("icmp", "icmpv6"):
        if quoting in protocols:
            protocols = protocols[: protocols.index(quoting) + 1]

    def last(name, field):
        """Of the last layer of this name."""
        found = values[field].split(";")
        number = protocols.count(name) - 1
        return found[number] if number < len(found) else ""

    reading = {"protocols": ":".join(protocols), "remarks": values["_ws.expert.message"]}
    places = [at for at, name in enumerate(protocols) if name in NEXT]
    if not places:
        return {"end": "non-ip", **reading}
    version, behind = protocols[places[-1]], protocols[places[-1] + 1 :]
    source = last(version, f"{version}.src")
    if not source:
        # It stops within the header.
        return {"end": "malformed", **reading}
    protocol = last(version, NEXT[version])
    while behind and behind[0] in EXTENSIONS:
        protocol = last(behind[0], EXTENSIONS[behind[0]]) if behind[0] not in behind[1:] else protocol
        behind = behind[1:]
    ports = payload = ""
    transport = next((name for name in behind if name in ("tcp", "udp")), "")
    if transport:
        # They may not have been captured.
        ports = ",".join(last(transport, f"{transport}.{end}port") for end in ("src", "dst")).strip(",")
        payload = values[f"{transport}.payload"].split(";")[-1].replace(":", "")[:32]
    return {"end": "flow", "source": source, "destination": last(version, f"{version}.dst"),
            "protocol": protocol, "ports": ports, "payload": payload, **reading}


def sensor(dissect, path):
    """The sensor's reading, in the same way."""
    done = subprocess.run([dissect, str(path)], capture_output=True, text=True)
    readings = []
    for line in done.stdout.splitlines():
        _number, end, *rest = line.split("\t")
        names = ("source", "destination", "protocol", "ports", "around", "payload")
        readings.append({"end": end, **dict(zip(names, rest))})
    return readings, done.returncode == 0


def difference(ours, theirs):
    """What it is called; None where both agree."""
    if "flow" not in (ours["end"], theirs["end"]):
        return None
    if ours["end"] != theirs["end"]:
        return ours["end"] if theirs["end"] == "flow" else "flow"
    return next((name for field, name in FIELDS.items() if ours[field] != theirs[field]), None)


def listed(where):
    """The differences that are listed for a capture: by frame, what each is called."""
    text = (Path(__file__).parent / "differences.toml").read_text(encoding="utf-8")
    entries = [entry for entry in tomllib.loads(text)["difference"] if entry["where"] == where]
    return {frame: entry["kind"] for entry in entries for frame in entry["frames"]}


def compare(where, dissect, path, names=None):
    """Prints what is not as it is listed, and returns how many frames are not."""
    (ours, ours_whole), (theirs, theirs_whole) = sensor(dissect, path), tshark(path)
    if (len(ours), ours_whole) != (len(theirs), theirs_whole):
        print(f"{where}: {len(ours)} frames (whole: {ours_whole}), and tshark finds {len(theirs)} ({theirs_whole})")
        return 1
    expected, wrong = listed(where), 0
    for number, (our, their) in enumerate(zip(ours, theirs), start=1):
        found, meant = difference(our, their), expected.pop(number, None)
        if found != meant:
            wrong += 1
            name = f" ({names[number - 1]})" if names else ""
            print(f"{where}, frame {number}{name}: {found}, listed: {meant}\n  {our}\n  {their}")
    for number in expected:
        wrong += 1
        print(f"{where}, frame {number}: listed, and not in it")
    print(f"{where}: {len(ours)} frames, {len(listed(where))} differ as listed, {wrong} otherwise")
    return wrong


def files(path):
    return sorted(file for file in path.iterdir() if ".pcap" in file.name) if path.is_dir() else [path]


def main():
    dissect, *named = sys.argv[1:]
    captures = [capture for name in named for capture in files(Path(name))]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "generated.pcap"
        names, frames = zip(*generated())
        wrpcap(str(path), list(frames), linktype=1)
        wrong = compare("generated", dissect, path, names)
    for capture in captures:
        wrong += compare(capture.name, dissect, capture)
    sys.exit(min(wrong, 1))


if __name__ == "__main__":
    main()
