"""Frames of every encapsulation in every order of two, made by scapy, read by tshark and by the sensor's parser:
innermost addresses, transport, ports and the first bytes of the payload have to agree. Then the same over captures,
if any are named.

  encapsulation.py DISSECT [CAPTURE...]

DISSECT is the program that shows the parser's reading: `cargo build -p sekisho-tests --bin dissect`, then
target/debug/dissect. It needs tshark (Debian package `tshark`) and scapy (PyPI). Generated frames may not differ at
all. What may differ in captures is in DIFFERENCES, each with its reason; any other difference fails the comparison.
"""

import re
import subprocess
import sys
import tempfile
from collections import Counter
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

# Fields in which a reading consists; `payload` is what both have of it.
FIELDS = ("source", "destination", "transport", "ports")


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
    "-o", "ip.tso_support:FALSE",
    "-d", "udp.port==8472,vxlan",
    "-d", f"mpls.label=={WORDED},pwethcw", "-d", f"mpls.label=={BARE},pwethnocw",
]


def tshark(path):
    """tshark's reading: per frame a dictionary, or None where it finds no IP packet."""
    names = ["frame.number", "frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport",
             "tcp.dstport", "udp.srcport", "udp.dstport", "tcp.payload", "udp.payload", "_ws.expert.message"]
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a",
               "-E", "aggregator=;", *OPTIONS]
    command += [word for name in names for word in ("-e", name)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    readings = []
    # A remark may have several lines.
    for line in re.split(r"\n(?=\d+\t)", done.stdout.rstrip("\n")):
        values = dict(zip(names, line.split("\t", len(names) - 1)))
        readings.append(innermost(values))
    return readings


def innermost(values):
    protocols = values["frame.protocols"].split(":")
    # What an ICMP error quotes is not inside of it.
    for quoting in ("icmp", "icmpv6"):
        if quoting in protocols:
            protocols = protocols[: protocols.index(quoting) + 1]
    places = [at for at, name in enumerate(protocols) if name in ("ip", "ipv6")]
    if not places:
        return None
    version = protocols[places[-1]]
    count = protocols.count(version) - 1

    def nth(field, number=count):
        found = [value for value in values[field].split(";") if value]
        return found[number] if number < len(found) else ""

    behind = protocols[places[-1] + 1 :]
    transport = next((name for name in behind if name in ("tcp", "udp")), "")
    ports, payload = (0, 0), ""
    if transport:
        number = protocols[: places[-1]].count(transport)
        ports = tuple(int(nth(f"{transport}.{end}port", number) or 0) for end in ("src", "dst"))
        payload = (values[f"{transport}.payload"].split(";") or [""])[-1].replace(":", "")[:32]
    return {"source": nth(f"{version}.src"), "destination": nth(f"{version}.dst"), "transport": transport,
            "ports": ports, "payload": payload, "protocols": ":".join(protocols),
            "remarks": values["_ws.expert.message"]}


def sensor(dissect, path):
    done = subprocess.run([dissect, str(path)], check=True, capture_output=True, text=True)
    readings = []
    for line in done.stdout.splitlines():
        _number, end, *rest = line.split("\t")
        if end != "flow":
            readings.append({"end": end})
            continue
        source, destination, transport, first, second, around, payload = rest
        readings.append({"end": end, "source": source, "destination": destination, "transport": transport,
                         "ports": (int(first), int(second)), "around": around, "payload": payload})
    return readings


def contradicts(ours, theirs):
    """What tshark says of lengths and versions, where it reads on and the sensor stops."""
    words = ("length", "Bogus", "exceeds", "Malformed", "version", "too short", "truncated")
    return any(word in theirs["remarks"] for word in words)


# Differences that are meant: a reason, and whether it explains what the sensor and tshark read.
DIFFERENCES = [
    (
        "more than eight extension headers",
        lambda ours, theirs: ours["end"] == "malformed" and theirs["protocols"].count("ipv6.fraghdr") > 8,
    ),
    (
        "a later fragment of a tunnel: its inside is not there, and the outer header would be a guess",
        lambda ours, theirs: ours["end"] == "malformed"
        and theirs["protocols"].endswith("ipv6.fraghdr:data"),
    ),
    (
        "headers contradict each other: malformed",
        lambda ours, theirs: ours["end"] == "malformed" and contradicts(ours, theirs),
    ),
    (
        "TCP or UDP contradicts its packet: no payload",
        lambda ours, theirs: ours["end"] == "flow" and not ours["payload"] and contradicts(ours, theirs),
    ),
]


def explained(ours, theirs, reasons):
    if theirs is None:
        return None
    return next((reason for reason, explains in reasons if explains(ours, theirs)), None)


def agree(ours, theirs):
    if theirs is None:
        return ours["end"] != "flow"
    if ours["end"] != "flow":
        return False
    same = all(ours[field] == theirs[field] for field in FIELDS)
    # A protocol that tshark knows has no payload field of its own.
    return same and (not theirs["payload"] or theirs["payload"] == ours["payload"])


def compare(name, ours, theirs, names=None, reasons=DIFFERENCES):
    """Prints what disagrees, and returns how many frames do, without those that are explained."""
    wrong, meant = 0, Counter()
    if len(ours) != len(theirs):
        print(f"{name}: {len(ours)} frames, and tshark finds {len(theirs)}")
        return 1
    for number, (our, their) in enumerate(zip(ours, theirs)):
        if our["end"] == "left out" or agree(our, their):
            continue
        reason = explained(our, their, reasons)
        if reason is None:
            wrong += 1
            print(f"{name}, frame {number + 1} ({names[number] if names else '-'}):\n  {our}\n  {their}")
        else:
            meant[reason] += 1
    print(f"{name}: {len(ours)} frames, {wrong} differ")
    for reason, count in meant.items():
        print(f"  {count} as meant: {reason}")
    return wrong


def main():
    dissect, *captures = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "generated.pcap"
        names, frames = zip(*generated())
        wrpcap(str(path), list(frames), linktype=1)
        wrong = compare("generated", sensor(dissect, path), tshark(path), names, reasons=())
    for capture in captures:
        try:
            wrong += compare(capture, sensor(dissect, capture), tshark(capture))
        except subprocess.CalledProcessError as error:
            print(f"{capture}: left out: {(error.stderr or '').strip().splitlines()[:1]}")
    sys.exit(min(wrong, 1))


if __name__ == "__main__":
    main()
