"""A cable between two network namespaces, by netlink, so that no `ip` program is needed.

`veth.py join PID` makes a pair of interfaces, "left" here and "right" in the network namespace of PID, and switches the
left one and loopback on. `veth.py switch-on NAME` switches one interface and loopback on. Both wait until the interface's
link-local address can be used.
"""
import fcntl
import os
import socket
import struct
import sys
import time

REQUEST, ACK, EXCLUSIVE, CREATE = 0x1, 0x4, 0x200, 0x400
NEW_LINK, ERROR = 16, 2
IFNAME, LINKINFO, NAMESPACE_OF_PID = 3, 18, 19
INFO_KIND, INFO_DATA, VETH_PEER = 1, 2, 1
GET_FLAGS, SET_FLAGS, UP = 0x8913, 0x8914, 0x1
TENTATIVE = 0x40


def attribute(kind, data):
    length = 4 + len(data)
    return struct.pack("HH", length, kind) + data + bytes(-length % 4)


def link(name, more=b""):
    return struct.pack("BxHiII", socket.AF_UNSPEC, 0, 0, 0, 0) + attribute(IFNAME, name.encode() + b"\0") + more


def join(pid):
    peer = link("right", attribute(NAMESPACE_OF_PID, struct.pack("I", pid)))
    info = attribute(INFO_KIND, b"veth\0") + attribute(INFO_DATA, attribute(VETH_PEER, peer))
    body = link("left", attribute(LINKINFO, info))
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        netlink.bind((0, 0))
        header = struct.pack("IHHII", 16 + len(body), NEW_LINK, REQUEST | ACK | CREATE | EXCLUSIVE, 1, 0)
        netlink.send(header + body)
        answer = netlink.recv(4096)
    kind, error = struct.unpack_from("H", answer, 4)[0], struct.unpack_from("i", answer, 16)[0]
    assert kind == ERROR and error == 0, f"a veth pair cannot be made: {os.strerror(-error)}"


def switch_on(name):
    try:  # nobody else is on this cable, so its address need not be probed for
        with open(f"/proc/sys/net/ipv6/conf/{name}/accept_dad", "w") as file:
            file.write("0")
    except OSError:
        pass
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", name.encode(), 0)
        flags = struct.unpack_from("H", fcntl.ioctl(any_socket, GET_FLAGS, request), 16)[0]
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sH14x", name.encode(), flags | UP))


def is_usable(name):
    with open("/proc/net/if_inet6") as file:
        rows = [line.split() for line in file]
    return any(row[5] == name and row[0].startswith("fe80") and not int(row[4], 16) & TENTATIVE for row in rows)


def wait_for(name):
    end = time.time() + 10
    while not is_usable(name):
        assert time.time() < end, f"{name} has no link-local IPv6 address: is IPv6 off on this machine?"
        time.sleep(0.02)


switch_on("lo")
if sys.argv[1] == "join":
    join(int(sys.argv[2]))
    switch_on("left")  # its address can be used once the other end is on too
else:
    switch_on(sys.argv[2])
    wait_for(sys.argv[2])
