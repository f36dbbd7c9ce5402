"""Puts a meshgroup node and the Python peers under the same raw load, in one run, and prints ratios.

    python3 -m venv V && V/bin/pip install rns==1.5.7 lxmf==1.2.1
    cargo build --release && V/bin/python benches/side_by_side/run.py [--parts inbound,slow_disk,request,request_old,footprint,forward,announces,fanout,stamps,scale] [--runs 3]
    cargo install rns-cli --root R && V/bin/python benches/side_by_side/run.py --parts forward,announces --rust-peer R/bin/rnsd

`scale` is not among the parts by default: it writes a database of 300 MB first.

Loopback only. CPU is that of the whole process, all threads, from /proc; it is the figure to compare, since rates vary
with whatever else the machine does. Each part prints one JSON line per run and one with the ratios.
"""
import argparse
import collections
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
from wire import *  # noqa: E402,F403

arguments = argparse.ArgumentParser()
arguments.add_argument("--bin", default=os.path.join(os.environ.get("CARGO_TARGET_DIR", ROOT + "/target"), "release/meshgroup"))
arguments.add_argument("--runs", type=int, default=3)
arguments.add_argument("--parts", default="inbound,slow_disk,request,request_old,footprint,forward,announces,fanout,stamps")
arguments.add_argument("--messages", type=int, default=5000)
arguments.add_argument("--packets", type=int, default=100000)
arguments.add_argument("--bare", help="the bench `bare` where it is built already, as cargo bench prints its path")
arguments.add_argument("--bare-stamps", help="the same for the bench `stamps`")
arguments.add_argument("--rust-peer", help="an rnsd of crates.io's rns-cli, for the parts forward and announces")
arguments.add_argument("--members", type=int, default=1000)
arguments.add_argument("--populate", help="the bench `populate` where it is built already")
arguments.add_argument("--scale-members", type=int, default=10000)
arguments.add_argument("--scale-posts", type=int, default=1000000)
arguments.add_argument("--port", type=int, default=17310)  # below the ports that the system gives to clients
arguments = arguments.parse_args()
WORK = tempfile.mkdtemp(prefix="meshgroup-side-by-side-")


def bare_crypto():
    """CPU of the cryptography of one opportunistic message at either end, in us, measured now, on this machine."""
    command = [arguments.bare] if arguments.bare else ["cargo", "bench", "--quiet", "--bench", "bare"]
    line = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(line.stdout.strip().splitlines()[-1])


class Ours:
    name = "meshgroup"

    def __init__(self, port, label, extra="", forwards=False, interface_extra=""):
        self.port, self.dir = port, os.path.join(WORK, label)
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)
        interface = '[[interface]]\nname = "{0}"\ntype = "tcp-server"\nlisten = "127.0.0.1:{1}"\n'
        if forwards:
            extra += f"[node]\ntransport = true\n{interface.format('second', port + 1)}ingress_control = false\n"
        with open(self.dir + "/meshgroup.toml", "w") as file:
            file.write(f'[group]\nname = "Bench (group)"\n[limits]\nposts_per_minute = 0\n{extra}\n{interface.format("local", port)}{interface_extra}')
        self.start()

    def start(self):
        self.started = time.perf_counter()
        with open(self.dir + "/log", "wb") as log:
            self.process = subprocess.Popen([arguments.bin, "--data", self.dir, "run"], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.pid = self.process.pid

    def status(self):
        out = subprocess.run([arguments.bin, "--data", self.dir, "status", "--json"], capture_output=True, text=True)
        return json.loads(out.stdout) if out.returncode == 0 else None

    def stored(self):
        return self.status()["group"]["messages"]

    def announce(self):
        pass

    def stop(self):
        self.process.terminate()
        self.process.wait(5)


class Python:
    name = "python"

    def __init__(self, port, label, forwards=False):
        self.port, self.dir = port, os.path.join(WORK, label)
        shutil.rmtree(self.dir, ignore_errors=True)
        second = f"  [[second]]\n    type = TCPServerInterface\n    enabled = Yes\n    listen_ip = 127.0.0.1\n    listen_port = {port + 1}\n"
        rns_config(self.dir + "/cfg", port, transport=forwards, extra_if="    ingress_control = No\n" + (second if forwards else ""))
        self.proc = Proc([sys.executable, HERE + "/python_node.py", "--config", self.dir + "/cfg", "--storage", self.dir + "/st"],
                         log=self.dir + "/log")
        self.ready = self.proc.wait("ready")
        self.pid = self.proc.pid

    def stored(self):
        return self.proc.ask("stats", "stats")["received"]

    def announce(self):
        self.proc.ask("announce", "announced")

    def stop(self):
        self.proc.stop()


class Rust:
    """Another node in Rust, as a black box, with the configuration of the ecosystem."""
    name = "rust"

    def __init__(self, port, label, forwards=False):
        self.port, self.dir = port, os.path.join(WORK, label)
        shutil.rmtree(self.dir, ignore_errors=True)
        second = f"  [[second]]\n    type = TCPServerInterface\n    enabled = Yes\n    listen_ip = 127.0.0.1\n    listen_port = {port + 1}\n"
        rns_config(self.dir, port, transport=forwards, extra_if="    ingress_control = No\n" + (second if forwards else ""))
        with open(self.dir + "/log", "wb") as log:
            self.process = subprocess.Popen([arguments.rust_peer, "--config", self.dir], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.pid = self.process.pid
        time.sleep(1.5)

    def stop(self):
        self.process.terminate()
        self.process.wait(5)


def learn(wire, name):
    wanted = name_hash(name)
    packet = wire.wait_pkt(lambda packet: packet.ptype == ANNOUNCE and packet.data[64:74] == wanted, 20)
    assert packet, f"no announce of {name}"
    return Peer(packet)


def acknowledged(wire, frames, window):
    """Sends the frames with at most `window` unproven; returns (seconds to the last proof, proofs)."""
    proofs, last, changed = 0, 0.0, threading.Condition()

    def on(raw):
        nonlocal proofs, last
        if raw[0] & 3 == PROOF:
            with changed:
                proofs, last = proofs + 1, time.perf_counter()
                changed.notify()

    wire.on_pkt, wire.keep = on, False
    start, sent = time.perf_counter(), 0
    while proofs < len(frames):
        with changed:
            while sent - proofs >= window or sent == len(frames):
                before = proofs
                if before == len(frames) or (not changed.wait(4.0) and proofs == before):
                    wire.on_pkt, wire.keep = None, True
                    return last - start, proofs
            room = min(window - (sent - proofs), len(frames) - sent, 256)
        wire.send_framed(b"".join(frames[sent:sent + room]))
        sent += room
    wire.on_pkt, wire.keep = None, True
    return last - start, proofs


def inbound_once(node, window):
    wire = Wire(node.port)
    time.sleep(0.3)
    node.announce()
    peer = learn(wire, "lxmf.delivery")
    source = RNS.Identity()
    wire.send(announce(source, "lxmf.delivery", app_data=msgpack.packb([b"sender", None])))
    time.sleep(0.5)
    wire.send(opportunistic(source, peer, b"/join"))
    time.sleep(1.0)
    before = node.stored()
    frames = [frame(opportunistic(source, peer, b"m%06d " % index + b"x" * 92)) for index in range(arguments.messages)]
    wait_idle(node.pid, timeout=10)
    cpu_before = cpu(node.pid)
    seconds, proofs = acknowledged(wire, frames, window)
    wait_idle(node.pid, timeout=30)
    used = cpu(node.pid) - cpu_before
    row = {"part": "inbound", "node": node.name, "window": window, "sent": len(frames), "proven": proofs,
           "stored": node.stored() - before, "per_s": round(proofs / seconds, 1) if seconds else None,
           "cpu_us": round(used / max(proofs, 1) * 1e6, 1), "load": load()}
    print(json.dumps(row), flush=True)
    wire.close()
    return row


def median(rows, key):
    return med([row[key] for row in rows])["median"]


def inbound():
    bare = bare_crypto()["bare_us"]
    for window in (64, 10**9):
        rows = {"python": [], "meshgroup": []}
        for run in range(arguments.runs):
            for kind in (Python, Ours):
                node = kind(arguments.port, f"{kind.name}-in")
                if kind is Ours:
                    time.sleep(0.5)
                rows[kind.name].append(inbound_once(node, window))
                node.stop()
        ours, theirs = rows["meshgroup"], rows["python"]
        print(json.dumps({"summary": "inbound", "window": window if window < 10**9 else "flood", "bare_crypto_us": bare,
                          "ours_cpu_us": median(ours, "cpu_us"), "ours_over_bare": round(median(ours, "cpu_us") / bare, 2),
                          "python_cpu_us": median(theirs, "cpu_us"),
                          "rate_ratio": round(median(ours, "per_s") / median(theirs, "per_s"), 2),
                          "ours_lost": sum(row["sent"] - row["stored"] for row in ours),
                          "python_lost": sum(row["sent"] - row["stored"] for row in theirs)}), flush=True)


def slow_disk():
    """A flood on a disk that takes 80 ms for each commit: the groups of the store have to grow."""
    node = Ours(arguments.port, "ours-slow", "[store]\ncommit_delay_ms = 80")
    time.sleep(1.0)
    row = inbound_once(node, 10**9)
    node.stop()
    print(json.dumps({"summary": "slow disk", "commit_ms": 80, "per_s": row["per_s"], "lost": row["sent"] - row["stored"]}), flush=True)


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def requests(node, wire, peer, path, data, size_min, identify_as=None, what="newest"):
    """One request after the other; `data` is their body, or tells the body of the request with this number."""
    link = MiniLink(wire, peer, mtu=16384)
    link.open()
    if identify_as:
        link.identify(identify_as)
    time.sleep(0.3)
    wire.log.clear()
    wire.keep = False
    latencies, sent_at, state, done = [], {}, {"sent": 0}, threading.Event()
    count = 2000

    def fire():
        if state["sent"] < count:
            state["sent"] += 1
            raw, identifier = link.request(path, data(state["sent"] - 1) if callable(data) else data)
            sent_at[identifier] = time.perf_counter()
            wire.send(raw)

    def on(raw):
        if raw[0] & 3 != DATA:
            return
        packet = Pkt(raw)
        if packet.ctx != CTX_RESPONSE or packet.dest != link.id:
            return
        identifier, value = msgpack.unpackb(link.token.decrypt(packet.data))
        # An answer that may have come too early for its asker is sent once more.
        if identifier not in sent_at:
            return
        latencies.append((time.perf_counter() - sent_at.pop(identifier)) * 1000)
        assert len(value) >= size_min, (len(value), value[:80])
        if len(latencies) >= count:
            done.set()
        fire()

    wire.on_pkt = on
    wait_idle(node.pid, timeout=5)
    before, start = cpu(node.pid), time.perf_counter()
    fire()
    done.wait(60)
    seconds, used = time.perf_counter() - start, cpu(node.pid) - before
    wire.on_pkt, wire.keep = None, True
    row = {"part": "request", "what": what, "node": node.name, "n": len(latencies), "per_s": round(len(latencies) / seconds, 1),
           "p50_ms": round(pct(latencies, 50), 3), "p95_ms": round(pct(latencies, 95), 3),
           "cpu_us": round(used / max(1, len(latencies)) * 1e6, 1), "load": load()}
    print(json.dumps(row), flush=True)
    return row


def request():
    rows = {"python": [], "meshgroup": []}
    for run in range(arguments.runs):
        node = Python(arguments.port, "python-req")
        wire = Wire(node.port)
        time.sleep(0.3)
        node.announce()
        rows["python"].append(requests(node, wire, learn(wire, "bench.req"), "/get", 2000, 2000))
        wire.close()
        node.stop()

        node = Ours(arguments.port, "ours-req")
        time.sleep(0.5)
        wire = Wire(node.port)
        peer, api = learn(wire, "lxmf.delivery"), learn(wire, "meshchat.group")
        source = RNS.Identity()
        wire.send(announce(source, "lxmf.delivery", app_data=msgpack.packb([b"sender", None])))
        time.sleep(0.5)
        wire.send(opportunistic(source, peer, b"/join"))
        time.sleep(0.5)
        for index in range(40):
            wire.send(opportunistic(source, peer, b"m%06d " % index + os.urandom(48).hex().encode()))
        time.sleep(1.0)
        # MessagesRequest { max_bytes = 2050 }: a page of about 2 kB.
        body = b"\x20" + varint(2050)
        rows["meshgroup"].append(requests(node, wire, api, "/api/v1/messages", body, 1900, identify_as=source))
        wire.close()
        node.stop()
    ours, theirs = rows["meshgroup"], rows["python"]
    print(json.dumps({"summary": "request", "cpu_ratio": round(median(theirs, "cpu_us") / median(ours, "cpu_us"), 2),
                      "p50_ratio": round(median(theirs, "p50_ms") / median(ours, "p50_ms"), 2),
                      "ours_cpu_us": median(ours, "cpu_us"), "ours_p50_ms": median(ours, "p50_ms")}), flush=True)


HISTORY = 10000
PAGE_EVENTS = 14


def page_after(seq):
    """MessagesRequest { after, max_bytes = 2050 }."""
    return b"\x08" + varint(seq) + b"\x20" + varint(2050)


def request_old():
    """Pages of 2 kB out of the middle of a long history: always the same one, one after the other, and anywhere. Beside a
    Python handler that answers as many bytes out of memory."""
    wanted = {"same": lambda _: page_after(HISTORY // 2), "walk": lambda index: page_after(500 + index % 600 * PAGE_EVENTS),
              "anywhere": lambda index: page_after(500 + index * 7919 % (HISTORY - 1500))}
    rows = {"python": [], **{what: [] for what in wanted}}
    for run in range(arguments.runs):
        node = Python(arguments.port, "python-old")
        wire = Wire(node.port)
        time.sleep(0.3)
        node.announce()
        rows["python"].append(requests(node, wire, learn(wire, "bench.req"), "/get", 2000, 2000))
        wire.close()
        node.stop()

        node = Ours(arguments.port, "ours-old")
        time.sleep(0.5)
        wire = Wire(node.port)
        peer, api = learn(wire, "lxmf.delivery"), learn(wire, "meshchat.group")
        source = RNS.Identity()
        wire.send(announce(source, "lxmf.delivery", app_data=msgpack.packb([b"sender", None])))
        time.sleep(0.5)
        wire.send(opportunistic(source, peer, b"/join"))
        time.sleep(0.5)
        frames = [frame(opportunistic(source, peer, b"m%06d " % index + os.urandom(60).hex().encode())) for index in range(HISTORY)]
        acknowledged(wire, frames, 1000)
        assert node.stored() == HISTORY
        wait_idle(node.pid, timeout=30)
        for what, data in wanted.items():
            rows[what].append(requests(node, wire, api, "/api/v1/messages", data, 1800, identify_as=source, what=what))
        wire.close()
        node.stop()
    theirs = rows.pop("python")
    for what, ours in rows.items():
        print(json.dumps({"summary": "request_old", "what": what, "cpu_ratio": round(median(theirs, "cpu_us") / median(ours, "cpu_us"), 2),
                          "p50_ratio": round(median(theirs, "p50_ms") / median(ours, "p50_ms"), 2),
                          "ours_cpu_us": median(ours, "cpu_us"), "ours_p50_ms": median(ours, "p50_ms")}), flush=True)


def fields(*pairs):
    """A protobuf message of numbers, texts and messages, by field number."""
    out = b""
    for number, value in pairs:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            value = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(value)) + value
    return out


def ready(node):
    """Milliseconds until a node that was started accepts a connection."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", node.port), 1).close()
            return (time.perf_counter() - node.started) * 1000
        except OSError:
            time.sleep(0.001)


def scale():
    """A group of many members and posts: start, memory, and what single requests take. The last of them is refused, for which
    the caller and their permissions are looked up."""
    node = Ours(arguments.port, "ours-scale")
    ready(node)
    wire, source = Wire(node.port), RNS.Identity()
    peer = learn(wire, "lxmf.delivery")
    wire.send(announce(source, "lxmf.delivery", app_data=msgpack.packb([b"sender", None])))
    time.sleep(0.5)
    wire.send(opportunistic(source, peer, b"/join"))
    time.sleep(1.0)
    wire.close()
    node.stop()
    command = [arguments.populate] if arguments.populate else ["cargo", "bench", "--quiet", "--bench", "populate", "--"]
    subprocess.run(command + [node.dir, str(arguments.scale_members), str(arguments.scale_posts)], cwd=ROOT, check=True)

    starts, idle, peaks = [], [], []
    for run in range(arguments.runs):
        node.start()
        starts.append(ready(node))
        time.sleep(5)
        idle.append(mem(node.pid)[0])
        peaks.append(mem(node.pid)[1])
        if run + 1 < arguments.runs:
            node.stop()
    print(json.dumps({"summary": "scale", "members": arguments.scale_members, "posts": arguments.scale_posts, "start_ms": med(starts),
                      "idle_mib": med(idle), "peak_mib": max(peaks),
                      "database_mb": round(os.path.getsize(node.dir + "/meshgroup.db") / 1e6)}), flush=True)
    wire = Wire(node.port)
    api = learn(wire, "meshchat.group")
    wire.send(announce(source, "lxmf.delivery", app_data=msgpack.packb([b"sender", None])))
    posts, people = arguments.scale_posts, arguments.scale_members
    for what, path, data in (
        ("newest page", "/api/v1/messages", lambda _: fields((4, 2050))),
        ("page anywhere", "/api/v1/messages", lambda index: page_after(1 + index * 7919 * 127 % posts)),
        ("search, rare", "/api/v1/messages/search", lambda index: fields((1, str(1 + index * 7919 * 127 % posts)), (4, 2050))),
        ("search, frequent", "/api/v1/messages/search", lambda index: fields((1, "anchor tide"), (4, 2050))),
        ("member", "/api/v1/profile", lambda index: fields((1, fields((1, 1 + index * 7919 % people))))),
        ("members", "/api/v1/members", lambda index: fields((1, index * 7919 % people), (3, 2050))),
        ("permission", "/api/v1/members/kick", lambda index: fields((1, fields((1, 2 + index * 7919 % people))))),
    ):
        row = requests(node, wire, api, path, data, 1, identify_as=source, what=what)
        print(json.dumps({"summary": "scale", "what": what, "cpu_us": row["cpu_us"], "p50_ms": row["p50_ms"], "p95_ms": row["p95_ms"]}), flush=True)
    print(json.dumps({"summary": "scale", "mib_after": mem(node.pid)[0]}), flush=True)
    node.stop()


def footprint():
    starts, idle = [], []
    for run in range(arguments.runs):
        node = Ours(arguments.port, "ours-foot")
        starts.append(ready(node))
        time.sleep(5)
        idle.append(mem(node.pid)[0])
        node.stop()
    python = Python(arguments.port, "python-foot")
    time.sleep(5)
    row = {"summary": "footprint", "start_ms": med(starts), "idle_mib": med(idle), "python_idle_mib": mem(python.pid)[0],
           "binary_mb": round(os.path.getsize(arguments.bin) / 1e6, 2)}
    python.stop()
    print(json.dumps(row), flush=True)


def far_and_near(node):
    """A wire to each of the node's two interfaces. Their order says nothing to the node."""
    far = Wire(node.port)
    near = Wire(node.port + 1)
    time.sleep(0.8)
    return far, near


def learn_way(near, far, identity):
    """Announces a destination behind `far` until `near` hears it from the node; returns it and the node's transport id."""
    destination = dest_hash(identity, "bench.forward")
    for _ in range(4):
        far.send(announce(identity, "bench.forward"))
        packet = near.wait_pkt(lambda packet: packet.ptype == ANNOUNCE and packet.dest == destination and packet.tid, 6)
        if packet:
            return destination, packet.tid
    raise AssertionError("the node does not pass announces on")


def carried(node, source, sink, frames, window):
    """Sends frames from one wire with at most `window` under way; returns seconds, packets at the other wire, and CPU."""
    got, changed, last = 0, threading.Condition(), 0.0

    def on_many(count):
        nonlocal got, last
        with changed:
            got, last = got + count, time.perf_counter()
            changed.notify()

    sink.on_count, sink.keep, source.keep = on_many, False, False
    time.sleep(1.0)
    wait_idle(node.pid, timeout=10)
    got, before, start, sent = 0, cpu(node.pid), time.perf_counter(), 0
    while got < len(frames):
        with changed:
            while sent - got >= window or sent == len(frames):
                seen = got
                if seen == len(frames) or (not changed.wait(3.0) and got == seen):
                    break
            room = min(window - (sent - got), len(frames) - sent)
        if room <= 0:
            break
        source.send_framed(b"".join(frames[sent:sent + room]))
        sent += room
    seconds = max(last - start, 1e-6)
    wait_idle(node.pid, timeout=30)
    used = cpu(node.pid) - before
    sink.on_count, sink.keep, source.keep = None, True, True
    return seconds, got, used


def forward_row(node, what, source, sink, frames, window):
    seconds, got, used = carried(node, source, sink, frames, window)
    row = {"part": "forward", "what": what, "node": node.name, "sent": len(frames), "got": got, "per_s": round(got / seconds),
           "cpu_us": round(used / max(got, 1) * 1e6, 2), "load": load()}
    print(json.dumps(row), flush=True)
    return row


def forward_once(node):
    """Packets of 300 bytes from one interface of a transport node to the other: data by their transport header, then a
    relayed link in both directions."""
    far, near = far_and_near(node)
    identity = RNS.Identity()
    destination, node_id = learn_way(near, far, identity)
    count, rows = arguments.packets // 10 if node.name == "python" else arguments.packets, []
    body = os.urandom(292)
    data = lambda count: [frame(build(DATA, SINGLE, destination, index.to_bytes(8, "big") + body, tid=node_id)) for index in range(count)]
    rows.append(forward_row(node, "data", near, far, data(count), 512))
    body = os.urandom(292)
    # As many as a queue may hold, so that what is lost is lost elsewhere.
    rows.append(forward_row(node, "data, at once", near, far, data(min(count, 10000)), 10**9))

    request = os.urandom(64) + struct.pack(">I", 0x204000)[1:]
    raw = build(LINKREQUEST, SINGLE, destination, request, tid=node_id)
    link = trunc(Pkt(raw).hashable()[:-3])
    near.send(raw)
    assert far.wait_pkt(lambda packet: packet.ptype == LINKREQUEST, 5), "the link request is not forwarded"
    ephemeral, signalling = os.urandom(32), request[64:]
    signature = identity.sign(link + ephemeral + identity.get_public_key()[32:] + signalling)
    far.send(build(PROOF, LINK, link, signature + ephemeral + signalling, CTX_LRPROOF))
    assert near.wait_pkt(lambda packet: packet.ptype == PROOF and packet.dest == link, 5), "the link proof is not relayed"
    for what, source, sink in (("link out", near, far), ("link in", far, near)):
        body = os.urandom(292)
        frames = [frame(build(DATA, LINK, link, index.to_bytes(8, "big") + body)) for index in range(count)]
        rows.append(forward_row(node, what, source, sink, frames, 512))
    far.close()
    near.close()
    return rows


def forward():
    kinds = (Python, Ours, Rust) if arguments.rust_peer else (Python, Ours)
    rows = {kind.name: [] for kind in kinds}
    for run in range(arguments.runs):
        for kind in kinds:
            node = kind(arguments.port, f"{kind.name}-forward", forwards=True)
            if kind is Ours:
                time.sleep(0.5)
            rows[kind.name] += forward_once(node)
            node.stop()
    for what in ("data", "data, at once", "link out", "link in"):
        ours, theirs = ([row for row in rows[name] if row["what"] == what] for name in ("meshgroup", "python"))
        print(json.dumps({"summary": "forward", "what": what, "ours_cpu_us": median(ours, "cpu_us"),
                          "python_cpu_us": median(theirs, "cpu_us"),
                          "cpu_ratio": round(median(theirs, "cpu_us") / max(median(ours, "cpu_us"), 0.01), 1),
                          "ours_per_s": median(ours, "per_s"), "python_per_s": median(theirs, "per_s"),
                          **rust_forward(rows, what),
                          "ours_lost": sum(row["sent"] - row["got"] for row in ours),
                          "python_lost": sum(row["sent"] - row["got"] for row in theirs)}), flush=True)


def rust_forward(rows, what):
    """What the other node in Rust did, if it took part."""
    rust = [row for row in rows.get("rust", []) if row["what"] == what]
    return {"rust_cpu_us": median(rust, "cpu_us"), "rust_per_s": median(rust, "per_s"),
            "rust_lost": sum(row["sent"] - row["got"] for row in rust)} if rust else {}


ANNOUNCES = 5000
CTX_PATH_RESPONSE = 0x0B
PATH_REQUESTS = bytes.fromhex("6b9f66014d9853faab220fba47d02761")


def burst():
    """Distinct valid announces, and their destinations."""
    identities = [RNS.Identity() for _ in range(ANNOUNCES)]
    return [frame(announce(each, "bench.burst", app_data=b"a name of 20 bytes..")) for each in identities], \
        [dest_hash(each, "bench.burst") for each in identities]


def announces_once(node, held_back):
    """A burst of announces into one interface of a transport node; then the other interface asks for a sample of them."""
    far, near = far_and_near(node)
    source, sink = (far, near) if held_back else (near, far)
    frames, destinations = burst()
    sink.keep = source.keep = False
    wait_idle(node.pid, timeout=10)
    before = cpu(node.pid)
    source.send_framed(b"".join(frames))
    wait_idle(node.pid, quiet=1.5, timeout=60)
    used = cpu(node.pid) - before
    asked, answered = destinations[:: ANNOUNCES // 200], set()

    def on(raw):
        packet = Pkt(raw)
        if packet.ptype == ANNOUNCE and packet.ctx == CTX_PATH_RESPONSE:
            answered.add(packet.dest)

    sink.on_pkt = on
    for destination in asked:
        sink.send(build(DATA, PLAIN, PATH_REQUESTS, destination + os.urandom(16)))
        time.sleep(0.01)
    time.sleep(4.0)
    sink.on_pkt = None
    row = {"part": "announces", "what": "default limits" if held_back else "ingress control off", "node": node.name,
           "cpu_us": round(used / ANNOUNCES * 1e6, 2), "known_of_200": len(answered & set(asked)), "load": load()}
    print(json.dumps(row), flush=True)
    far.close()
    near.close()


def announces():
    for run in range(arguments.runs):
        for kind in (Python, Ours, Rust) if arguments.rust_peer else (Python, Ours):
            # The stock node has ingress control off on its interfaces here.
            for held_back in (False, True) if kind is Ours else (False,):
                node = kind(arguments.port, f"{kind.name}-announces", forwards=True)
                time.sleep(1.0)
                announces_once(node, held_back)
                node.stop()


class Crowd:
    """The members of a group on one wire, each with an identity and a ratchet. They answer with proofs, or are silent."""

    def __init__(self, node, count):
        self.node, self.wire = node, Wire(node.port)
        time.sleep(0.3)
        self.peer = learn(self.wire, "lxmf.delivery")
        self.people = [RNS.Identity() for _ in range(count + 1)]
        self.by_dest = {dest_hash(person, "lxmf.delivery"): person for person in self.people}
        self.proves, self.seen, self.repeats = True, {}, 0
        self.todo, self.ready = collections.deque(), threading.Event()
        self.wire.keep, self.wire.on_pkt = False, self.on
        threading.Thread(target=self.prove, daemon=True).start()

    def on(self, raw):
        destination = raw[2:18]
        if raw[0] & 3 != DATA or destination not in self.by_dest:
            return
        self.repeats += destination in self.seen
        self.seen.setdefault(destination, time.perf_counter())
        if self.proves:
            self.todo.append((destination, raw))
            self.ready.set()

    def prove(self):
        while True:
            self.ready.wait()
            self.ready.clear()
            while self.todo:
                destination, raw = self.todo.popleft()
                packet = Pkt(raw).hash()
                self.wire.send(build(PROOF, SINGLE, packet[:16], self.by_dest[destination].sign(packet)))

    def join(self):
        """All of them announce themselves and join."""
        for person in self.people:
            ratchet = RNS.Identity._ratchet_public_bytes(RNS.Identity._generate_ratchet())
            self.wire.send(announce(person, "lxmf.delivery", app_data=msgpack.packb([b"member", None, [1]]), ratchet=ratchet))
            time.sleep(0.002)
        wait_idle(self.node.pid, timeout=60)
        for person in self.people:
            self.wire.send(opportunistic(person, self.peer, b"/join"))
            time.sleep(0.002)
        wait_idle(self.node.pid, quiet=2.0, timeout=120)
        members = self.node.status()["group"]["members"]
        assert members == len(self.people), f"{members} of {len(self.people)} joined"

    def post(self, proves):
        """One of them posts; returns when all others have a packet each, or none came for three seconds."""
        self.proves, self.repeats = proves, 0
        self.seen.clear()
        others = len(self.people) - 1
        before, start = cpu_ns(self.node.pid), time.perf_counter()
        self.wire.send(opportunistic(self.people[0], self.peer, f"hello, group, {time.time():.6f} ".encode() + b"x" * 68))
        while len(self.seen) < others and time.perf_counter() - max([start, *list(self.seen.values())]) < 3.0:
            time.sleep(0.005)
        used_us = (cpu_ns(self.node.pid) - before) / 1e3
        seconds = max(self.seen.values(), default=start) - start
        row = {"part": "fanout", "members": others, "proofs": proves, "reached": len(self.seen), "repeated": self.repeats,
               "wall_ms": round(seconds * 1000, 1), "cpu_us": round(used_us / max(len(self.seen), 1), 1),
               "cores": round(used_us / 1e6 / max(seconds, 1e-6), 2), "load": load()}
        print(json.dumps(row), flush=True)
        return row


def fanout():
    """One post to many members whose keys are known, until a packet for each is on the wire. Beside the cryptography of the
    copies, and of the proofs where members answer: nearly all come within that time."""
    rows = {True: [], False: []}
    bare = []
    for run in range(arguments.runs):
        node = Ours(arguments.port, "ours-fanout", "messages_per_minute = 0",
                    interface_extra="ingress_control = false\n")
        time.sleep(0.5)
        crowd = Crowd(node, arguments.members)
        crowd.join()
        bare.append(bare_crypto())
        # The silent ones last: they are tried again later.
        for proves in (True, False):
            wait_idle(node.pid, quiet=1.0)
            rows[proves].append(crowd.post(proves))
        crowd.wire.close()
        node.stop()
    copy, proof = (med([row[key] for row in bare])["median"] for key in ("copy_us", "proof_us"))
    for proves, ours in rows.items():
        print(json.dumps({"summary": "fanout", "members": arguments.members, "proofs": proves, "bare_copy_us": copy, "bare_proof_us": proof,
                          "ours_cpu_us": median(ours, "cpu_us"), "ours_over_bare": round(median(ours, "cpu_us") / (copy + proof * proves), 2),
                          "wall_ms": median(ours, "wall_ms"), "cores": median(ours, "cores"),
                          "lost": sum(row["members"] - row["reached"] for row in ours)}), flush=True)


def stamps():
    """Proof of work on one core: trials a second, and the workblock of a message. The same materials on both sides."""
    from LXMF import LXStamper
    rows = {"meshgroup": [], "python": []}
    for run in range(arguments.runs):
        command = [arguments.bare_stamps] if arguments.bare_stamps else ["cargo", "bench", "--quiet", "--bench", "stamps"]
        line = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        rows["meshgroup"].append(json.loads(line.stdout.strip().splitlines()[-1]))
        started = time.process_time()
        block = LXStamper.stamp_workblock(bytes(range(32)))
        built = time.process_time()
        trials = 2000
        for number in range(trials):
            LXStamper.stamp_valid(number.to_bytes(32, "big"), 254, block)
        rows["python"].append({"trials_per_s": round(trials / (time.process_time() - built)),
                               "workblock_ms": round((built - started) * 1e3, 2)})
        for node, of in rows.items():
            print(json.dumps({"part": "stamps", "node": node, **of[-1], "load": load()}), flush=True)
    ours, python = (median(rows[node], "trials_per_s") for node in ("meshgroup", "python"))
    print(json.dumps({"summary": "stamps", "trials_per_s_a_core": ours, "python_trials_per_s_a_core": python,
                      "ours_over_python": round(ours / python), "workblock_ms": median(rows["meshgroup"], "workblock_ms"),
                      "python_workblock_ms": median(rows["python"], "workblock_ms"),
                      "stamp_of_12_ms": median(rows["meshgroup"], "stamp_of_12_ms")}), flush=True)


for part in arguments.parts.split(","):
    {"inbound": inbound, "slow_disk": slow_disk, "request": request, "request_old": request_old, "footprint": footprint, "forward": forward, "announces": announces, "fanout": fanout, "stamps": stamps, "scale": scale}[part]()
shutil.rmtree(WORK, ignore_errors=True)
