"""Black-box Reticulum wire client for the side-by-side runs (raw HDLC over TCP, loopback only).

Uses RNS only as a crypto library (no Reticulum instance is started), so the
load generator does not share the target's bottlenecks.
"""
import os, socket, struct, subprocess, sys, threading, time, collections, statistics, json, hashlib
import RNS
import RNS.vendor.umsgpack as msgpack
from RNS.Cryptography import X25519PrivateKey, X25519PublicKey, Ed25519PrivateKey, Token, hkdf

RNS.loglevel = RNS.LOG_CRITICAL
DATA, ANNOUNCE, LINKREQUEST, PROOF = range(4)
SINGLE, GROUP, PLAIN, LINK = range(4)
CTX_REQUEST, CTX_RESPONSE, CTX_LRRTT, CTX_LRPROOF, CTX_IDENTIFY, CTX_CLOSE = 0x09, 0x0A, 0xFE, 0xFF, 0xFB, 0xFC
CLK = os.sysconf("SC_CLK_TCK")


def sha256(b): return hashlib.sha256(b).digest()
def trunc(b): return sha256(b)[:16]


# ---- framing -------------------------------------------------------------
def frame(raw):
    return b"\x7e" + raw.replace(b"\x7d", b"\x7d\x5d").replace(b"\x7e", b"\x7d\x5e") + b"\x7e"


def unframe(f):
    return f.replace(b"\x7d\x5e", b"\x7e").replace(b"\x7d\x5d", b"\x7d")


class Pkt:
    __slots__ = ("raw", "flags", "hops", "htype", "cflag", "ttype", "dtype", "ptype", "tid", "dest", "ctx", "data")

    def __init__(self, raw):
        self.raw = raw
        f = raw[0]
        self.flags, self.hops = f, raw[1]
        self.htype, self.cflag, self.ttype = (f >> 6) & 1, (f >> 5) & 1, (f >> 4) & 1
        self.dtype, self.ptype = (f >> 2) & 3, f & 3
        if self.htype:
            self.tid, self.dest, self.ctx, self.data = raw[2:18], raw[18:34], raw[34], raw[35:]
        else:
            self.tid, self.dest, self.ctx, self.data = None, raw[2:18], raw[18], raw[19:]

    def hashable(self):
        return bytes([self.raw[0] & 0x0F]) + (self.raw[18:] if self.htype else self.raw[2:])

    def hash(self): return sha256(self.hashable())


def build(ptype, dtype, dest, data, ctx=0, cflag=0, tid=None, hops=0):
    if tid is None:
        return bytes([cflag << 5 | dtype << 2 | ptype, hops]) + dest + bytes([ctx]) + data
    return bytes([1 << 6 | cflag << 5 | 1 << 4 | dtype << 2 | ptype, hops]) + tid + dest + bytes([ctx]) + data


class Wire:
    """TCP client of a TCPServerInterface; frames are delivered to callbacks in a reader thread."""

    def __init__(self, port, host="127.0.0.1", on_pkt=None, retry=20.0):
        assert host.startswith("127."), "loopback only"
        end, early = time.time() + retry, False
        while True:
            try:
                self.s = socket.create_connection((host, port), timeout=2)
                if not early: break
                # RNS 1.5.7 drops clients that connect before its TCP server is fully set up: reconnect a little later
                self.s.close(); early = False; time.sleep(0.4)
            except OSError:
                if time.time() > end: raise
                early = True; time.sleep(0.02)
        self.s.settimeout(None)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.on_pkt = on_pkt
        # Cheaper where only the number of long frames matters.
        self.on_count = None
        self.rx_frames = self.rx_bytes = self.tx_bytes = 0
        self.cv = threading.Condition()
        self.log = collections.deque(maxlen=200000)
        self.keep = True
        self.last_rx = 0.0
        threading.Thread(target=self._rx, daemon=True).start()

    def _rx(self):
        buf = b""
        while True:
            try: d = self.s.recv(1 << 18)
            except OSError: return
            if not d: return
            buf += d
            self.rx_bytes += len(d)
            parts = buf.split(b"\x7e")
            buf = b"\x7e" + parts[-1] if parts[-1] else b""
            frames = [unframe(p) for p in parts[:-1] if len(p) > 18]
            if not frames: continue
            self.last_rx = time.perf_counter()
            if self.on_count: self.on_count(sum(len(f) >= 300 for f in frames))
            if self.on_pkt:
                for f in frames: self.on_pkt(f)
            with self.cv:
                self.rx_frames += len(frames)
                if self.keep: self.log.extend(frames)
                self.cv.notify_all()

    def send(self, raw): self.send_framed(frame(raw))

    def send_framed(self, b):
        self.tx_bytes += len(b)
        self.s.sendall(b)

    def wait(self, pred, timeout):
        end = time.time() + timeout
        with self.cv:
            while True:
                r = pred()
                if r: return r
                left = end - time.time()
                if left <= 0: return None
                self.cv.wait(min(left, 0.5))

    def wait_pkt(self, match, timeout=10.0):
        """First logged packet for which match(Pkt) is true."""
        pos = 0

        def pred():
            nonlocal pos
            l = list(self.log)
            while pos < len(l):
                p = Pkt(l[pos]); pos += 1
                if match(p): return p
        return self.wait(pred, timeout)

    def close(self):
        try: self.s.shutdown(socket.SHUT_RDWR)
        except OSError: pass
        self.s.close()


# ---- identities, announces, LXMF ----------------------------------------
def name_hash(name): return sha256(name.encode())[:10]
def dest_hash(ident, name): return trunc(name_hash(name) + ident.hash)


def announce(ident, name, app_data=None, ratchet=None, tid=None, hops=0, ctx=0):
    dh, nh = dest_hash(ident, name), name_hash(name)
    rnd = os.urandom(5) + int(time.time()).to_bytes(5, "big")
    r = ratchet or b""
    sig = ident.sign(dh + ident.get_public_key() + nh + rnd + r + (app_data or b""))
    return build(ANNOUNCE, SINGLE, dh, ident.get_public_key() + nh + rnd + r + sig + (app_data or b""), ctx,
                 1 if ratchet else 0, tid, hops)


class Peer:
    """Public side of a destination learnt from an announce."""

    def __init__(self, pkt):
        d = pkt.data
        self.dest, self.pub, self.nh = pkt.dest, d[:64], d[64:74]
        o = 84
        self.ratchet = None
        if pkt.cflag: self.ratchet = d[o:o + 32]; o += 32
        self.sig, self.app_data = d[o:o + 64], d[o + 64:]
        self.tid, self.hops = pkt.tid, pkt.hops
        self.ident = RNS.Identity(create_keys=False)
        self.ident.load_public_key(self.pub)


def lxmf(src_ident, dst_hash, content, title=b"", fields=None, ts=None, stamp=None):
    """Packed LXMF message (dest+src+sig+payload) and its hash."""
    payload = [ts or time.time(), title, content, fields or {}]
    p = msgpack.packb(payload)
    hp = dst_hash + dest_hash(src_ident, "lxmf.delivery") + p
    h = sha256(hp)
    sig = src_ident.sign(hp + h)
    if stamp is not None: p = msgpack.packb(payload + [stamp])
    return hp[:32] + sig + p, h


def opportunistic(src_ident, peer, content, tid=None, **kw):
    packed, _ = lxmf(src_ident, peer.dest, content, **kw)
    return build(DATA, SINGLE, peer.dest, peer.ident.encrypt(packed[16:], ratchet=peer.ratchet), tid=tid)


class MiniLink:
    """Initiator side of a Reticulum link on a raw wire."""

    def __init__(self, wire, peer, mtu=500, tid=None):
        self.w, self.peer = wire, peer
        self.prv, self.sig = X25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        self.pub, self.spub = self.prv.public_key().public_bytes(), self.sig.public_key().public_bytes()
        req = self.pub + self.spub
        signalling = struct.pack(">I", (mtu & 0x1FFFFF) + (((1 << 5) & 0xE0) << 16))[1:]
        raw = build(LINKREQUEST, SINGLE, peer.dest, req + signalling, tid=tid)
        self.id = trunc(Pkt(raw).hashable()[:-3])
        self.raw_req = raw
        self.token = None

    def open(self, timeout=15.0):
        t0 = time.perf_counter()
        self.w.send(self.raw_req)
        p = self.w.wait_pkt(lambda p: p.ptype == PROOF and p.ctx == CTX_LRPROOF and p.dest == self.id, timeout)
        if p is None: raise TimeoutError("no link proof")
        return self.finish(p, t0)

    def finish(self, p, t0):
        sig, ppub, sgn = p.data[:64], p.data[64:96], p.data[96:]
        assert self.peer.ident.validate(sig, self.id + ppub + self.peer.pub[32:] + sgn)
        key = hkdf(length=64, derive_from=self.prv.exchange(X25519PublicKey.from_public_bytes(ppub)), salt=self.id, context=None)
        self.token = Token(key)
        self.rtt = time.perf_counter() - t0
        self.w.send(self.pkt(msgpack.packb(self.rtt), CTX_LRRTT))
        return self.rtt

    def pkt(self, plain, ctx=0): return build(DATA, LINK, self.id, self.token.encrypt(plain), ctx)

    def identify(self, ident):
        self.w.send(self.pkt(ident.get_public_key() + ident.sign(self.id + ident.get_public_key()), CTX_IDENTIFY))

    def request(self, path, data=None):
        """Send a request; returns (raw packet, request id)."""
        raw = self.pkt(msgpack.packb([time.time(), trunc(path.encode()), data]), CTX_REQUEST)
        return raw, trunc(Pkt(raw).hashable())


# ---- process accounting --------------------------------------------------
def cpu(pid):
    """User+system CPU seconds of a process (all threads)."""
    with open(f"/proc/{pid}/stat") as f: v = f.read().rsplit(")", 1)[1].split()
    return (int(v[11]) + int(v[12])) / CLK


def cpu_ns(pid):
    """The same in nanoseconds, of the threads that still run: for spans of less than a second."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat") as f: total += int(f.read().split()[0])
    return total


def mem(pid):
    """(RSS, peak RSS) in MiB."""
    r = {}
    with open(f"/proc/{pid}/status") as f:
        for l in f:
            if l.startswith(("VmRSS", "VmHWM")): r[l[:5]] = int(l.split()[1]) / 1024
    return round(r["VmRSS"], 1), round(r["VmHWM"], 1)


def wait_idle(pid, quiet=0.6, thresh=0.06, timeout=120):
    """Wait until the process uses < thresh of a core over `quiet` seconds.
    Returns perf_counter() at the start of the first quiet window."""
    end = time.time() + timeout
    while time.time() < end:
        c0, t0 = cpu(pid), time.perf_counter()
        time.sleep(quiet)
        if cpu(pid) - c0 <= thresh * quiet + 0.011: return t0
    return None


def rns_config(d, port, transport=False, extra_if="", extra="", server=True, name="srv", iface="TCPServerInterface"):
    """Write an explicit loopback-only Reticulum config; never shares an instance."""
    os.makedirs(d, exist_ok=True)
    body = f"[reticulum]\n  enable_transport = {'Yes' if transport else 'No'}\n  share_instance = No\n" \
           f"  instance_name = bench{port}\n  panic_on_interface_error = No\n{extra}\n[logging]\n  loglevel = 1\n[interfaces]\n"
    if server:
        body += f"  [[{name}]]\n    type = {iface}\n    enabled = Yes\n    listen_ip = 127.0.0.1\n    listen_port = {port}\n{extra_if}"
    else:
        body += f"  [[{name}]]\n    type = TCPClientInterface\n    enabled = Yes\n    target_host = 127.0.0.1\n    target_port = {port}\n{extra_if}"
    with open(os.path.join(d, "config"), "w") as f: f.write(body)
    return d


class Proc:
    """Child process with JSON-lines stdout."""

    def __init__(self, cmd, env=None, log="/dev/null"):
        self.t0 = time.perf_counter()
        e = dict(os.environ); e.update(env or {})
        self.logf = open(log, "ab")
        self.p = subprocess.Popen(cmd, stdout=subprocess.PIPE, stderr=self.logf, stdin=subprocess.PIPE, env=e, text=True, bufsize=1)
        self.pid = self.p.pid
        self.msgs, self.cv = [], threading.Condition()
        threading.Thread(target=self._rd, daemon=True).start()

    def _rd(self):
        for l in self.p.stdout:
            try: m = json.loads(l)
            except ValueError: continue
            m["_t"] = time.perf_counter()
            with self.cv: self.msgs.append(m); self.cv.notify_all()

    def wait(self, key, timeout=30, pred=lambda m: True):
        end, i = time.time() + timeout, 0
        with self.cv:
            while True:
                while i < len(self.msgs):
                    if key in self.msgs[i] and pred(self.msgs[i]): return self.msgs[i]
                    i += 1
                if time.time() > end: return None
                self.cv.wait(0.25)

    def ask(self, line, key, timeout=30):
        n = len(self.msgs)
        self.p.stdin.write(line + "\n"); self.p.stdin.flush()
        end = time.time() + timeout
        with self.cv:
            while time.time() < end:
                for m in self.msgs[n:]:
                    if key in m: return m
                self.cv.wait(0.1)

    def stop(self):
        self.p.terminate()
        try: self.p.wait(5)
        except subprocess.TimeoutExpired: self.p.kill(); self.p.wait()
        self.logf.close()


def med(xs):
    xs = sorted(xs)
    return {"median": round(statistics.median(xs), 4), "min": round(xs[0], 4), "max": round(xs[-1], 4), "n": len(xs)}


def pct(xs, p):
    xs = sorted(xs)
    return xs[min(len(xs) - 1, int(len(xs) * p / 100))]


def load(): return os.getloadavg()[0]
