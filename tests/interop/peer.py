"""A stock Reticulum and LXMF peer for the interop tests: rns and lxmf from PyPI, nothing else.

It is driven by JSON lines on standard input and reports by JSON lines on standard output. It joins exactly one
interface, in a configuration folder of its own, and shares no instance but the one that `--instance` names. The interface is loopback TCP, or what
`--interface` says in lines of the ecosystem's configuration.
"""
import argparse
import hashlib
import json
import os
import random
import sys
import threading
import time

import LXMF
import RNS
import RNS.vendor.umsgpack as msgpack

arguments = argparse.ArgumentParser()
arguments.add_argument("--dir", required=True)
arguments.add_argument("--connect", type=int)
arguments.add_argument("--listen", type=int)
arguments.add_argument("--interface")
arguments.add_argument("--instance")
arguments.add_argument("--instance-ports")  # of its packets and its RPC, with a colon between; then it has no name
arguments.add_argument("--rpc-key")
arguments.add_argument("--name", default="Peer")
arguments.add_argument("--transport", action="store_true")
arguments.add_argument("--no-link-mtu-discovery", action="store_true")
arguments.add_argument("--stamp-cost", type=int)
arguments.add_argument("--propagation-node", action="store_true")
arguments.add_argument("--no-ratchet", action="store_true")
arguments.add_argument("--known-only", action="store_true")
arguments = arguments.parse_args()

# Stamps are made in processes that this one forks, and each of them begins by closing its standard input: it must not be
# the file that a thread here waits on, or the child waits for ever.
commands = os.fdopen(os.dup(0))
sys.stdin = open(os.devnull)

print_lock = threading.Lock()


def report(**fields):
    with print_lock:
        sys.stdout.write(json.dumps(fields) + "\n")
        sys.stdout.flush()


def instance_ports():
    if not arguments.instance_ports:
        return ""
    data, control = arguments.instance_ports.split(":")
    return f"  shared_instance_type = tcp\n  shared_instance_port = {data}\n  instance_control_port = {control}\n"


def write_config():
    os.makedirs(arguments.dir, exist_ok=True)
    interface = (
        arguments.interface
        if arguments.interface
        else f"    type = TCPServerInterface\n    listen_ip = 127.0.0.1\n    listen_port = {arguments.listen}\n"
        if arguments.listen
        else f"    type = TCPClientInterface\n    target_host = 127.0.0.1\n    target_port = {arguments.connect}\n"
    )
    with open(os.path.join(arguments.dir, "config"), "w") as file:
        file.write(
            "[reticulum]\n"
            f"  enable_transport = {'Yes' if arguments.transport else 'No'}\n"
            + (
                f"  share_instance = Yes\n  instance_name = {arguments.instance}\n  rpc_key = {arguments.rpc_key}\n"
                + instance_ports()
                if arguments.instance
                else "  share_instance = No\n"
            )
            +
            f"  link_mtu_discovery = {'No' if arguments.no_link_mtu_discovery else 'Yes'}\n"
            "  panic_on_interface_error = No\n"
            "[logging]\n  loglevel = 1\n"
            "[interfaces]\n"
            + ("" if arguments.instance else "  [[interop]]\n    enabled = Yes\n    ingress_control = No\n" + interface)
        )


write_config()
RNS.loglevel = 1
reticulum = RNS.Reticulum(configdir=arguments.dir, loglevel=1)
assert reticulum.is_connected_to_shared_instance == bool(arguments.instance), "a test peer joins the instance it is told"

identity_file = os.path.join(arguments.dir, "peer_identity")
identity = RNS.Identity.from_file(identity_file) if os.path.isfile(identity_file) else RNS.Identity()
identity.to_file(identity_file)

METHODS = {
    "opportunistic": LXMF.LXMessage.OPPORTUNISTIC,
    "direct": LXMF.LXMessage.DIRECT,
    "propagated": LXMF.LXMessage.PROPAGATED,
}
METHOD_NAMES = {code: name for name, code in METHODS.items()}
STATE_NAMES = {
    LXMF.LXMessage.SENT: "sent",
    LXMF.LXMessage.DELIVERED: "delivered",
    LXMF.LXMessage.FAILED: "failed",
    LXMF.LXMessage.REJECTED: "rejected",
    LXMF.LXMessage.CANCELLED: "cancelled",
}

links = {}

# How often this side closed a link: a stock router does that to a link on which a packet is not proven in time.
teardowns = 0
link_teardown = RNS.Link.teardown


def counted_teardown(link):
    global teardowns
    teardowns += 1
    link_teardown(link)


RNS.Link.teardown = counted_teardown

seen_announces = {}


class Announces:
    aspect_filter = None
    receive_path_responses = True

    def received_announce(self, destination_hash, announced_identity, app_data):
        seen_announces[destination_hash.hex()] = (app_data or b"").hex()
        report(event="announce", destination=destination_hash.hex(), identity=announced_identity.hash.hex(),
               app_data=(app_data or b"").hex())


RNS.Transport.register_announce_handler(Announces())

router = LXMF.LXMRouter(identity=identity, storagepath=os.path.join(arguments.dir, "lxmf"),
                        enforce_stamps=arguments.stamp_cost is not None, propagation_cost=13, autopeer=False)
delivery = router.register_delivery_identity(identity, display_name=arguments.name, stamp_cost=arguments.stamp_cost)
if arguments.propagation_node:
    router.enable_propagation()
if arguments.no_ratchet:
    delivery.ratchets = None

# Whom this peer wrote to: a client that ignores unknown senders shows nobody else.
contacts = set()


def plain(value):
    """A field's value as JSON holds it: bytes as hexadecimal digits."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value


def attachment_sizes(fields):
    """How many bytes the files and the picture of a message have."""
    files = [len(file[1]) for file in fields.get(LXMF.FIELD_FILE_ATTACHMENTS, [])]
    return files + [len(fields[LXMF.FIELD_IMAGE][1])] if LXMF.FIELD_IMAGE in fields else files


def on_message(message):
    if arguments.known_only and (message.source_hash not in contacts or not message.signature_validated):
        return
    report(event="message", source=message.source_hash.hex(), text=message.content.decode(errors="replace"),
           title=message.title.decode(errors="replace"), valid=message.signature_validated,
           method=METHOD_NAMES.get(message.method, str(message.method)), hash=message.hash.hex(),
           fields=len(message.fields or {}), attachments=attachment_sizes(message.fields or {}),
           known={str(key): plain(value) for key, value in (message.fields or {}).items()
                  if key in (0x05, 0x06, 0x07, 0x0F, 0x30, 0x31, 0x40, 0x41, 0x42, 0xFB, 0xFC)}, ticket=LXMF.FIELD_TICKET in (message.fields or {}),
           stamp_valid=message.stamp_valid, stamp=len(message.stamp or b""))


router.register_delivery_callback(on_message)

# A destination of this peer's own, for links, requests and resources that the tested node initiates.
service = RNS.Destination(identity, RNS.Destination.IN, RNS.Destination.SINGLE, "interop", "service")


def received_resource(resource):
    ok = resource.status == RNS.Resource.COMPLETE
    data = resource.data.read() if ok else b""
    report(event="resource_received", ok=ok, size=len(data), hash=RNS.Identity.full_hash(data).hex(),
           metadata=repr(resource.metadata), link=resource.link.link_id.hex())


def watch_link(link):
    link.set_resource_strategy(RNS.Link.ACCEPT_ALL)
    link.set_resource_concluded_callback(received_resource)
    link.set_packet_callback(lambda data, packet: report(event="link_packet", link=link.link_id.hex(), data=data.hex()))
    link.set_link_closed_callback(
        lambda closed: report(event="link_closed", link=closed.link_id.hex(), reason=closed.teardown_reason))
    links[link.link_id.hex()] = link


def service_link(link):
    watch_link(link)
    link.set_remote_identified_callback(
        lambda link, who: report(event="identified", link=link.link_id.hex(), identity=who.hash.hex()))
    report(event="link_in", link=link.link_id.hex())


service.set_link_established_callback(service_link)
service.set_proof_strategy(RNS.Destination.PROVE_ALL)
service.register_request_handler(
    "/echo", lambda path, data, request_id, link_id, remote, at: data, allow=RNS.Destination.ALLOW_ALL)
service.register_request_handler(
    "/bytes", lambda path, data, request_id, link_id, remote, at: bytes(data), allow=RNS.Destination.ALLOW_ALL)


def on_packet(data, packet):
    report(event="packet", data=data.hex())


service.set_packet_callback(on_packet)


def body(size, kind):
    """Bytes for a resource: random ones do not compress, the others do."""
    return os.urandom(size) if kind == "random" else (b"the net is up again on the hill " * (size // 32 + 1))[:size]


def recall(hash_hex, timeout=15.0):
    wanted = bytes.fromhex(hash_hex)
    end = time.time() + timeout
    while time.time() < end:
        known = RNS.Identity.recall(wanted)
        if known is not None and RNS.Transport.has_path(wanted):
            return known
        if not RNS.Transport.has_path(wanted):
            RNS.Transport.request_path(wanted)
        end_of_wait = time.time() + 3
        while time.time() < end_of_wait and not (RNS.Transport.has_path(wanted) and RNS.Identity.recall(wanted)):
            time.sleep(0.02)
    return None


def destination_of(hash_hex, app, aspect, by_node=False):
    # Who writes by a propagation node needs the keys of the other end, but no path to it.
    known = by_node and RNS.Identity.recall(bytes.fromhex(hash_hex)) or recall(hash_hex)
    if known is None:
        raise LookupError(f"no path to {hash_hex}")
    destination = RNS.Destination(known, RNS.Destination.OUT, RNS.Destination.SINGLE, app, aspect)
    assert destination.hash.hex() == hash_hex, "the announced identity does not match the address"
    return destination


def note_cost(hash_hex):
    """Waits, for a moment, until the router has noted the stamp cost of an announce that has just come: each handler
    of an announce runs in its own thread, so a message sent as soon as there is a path may still go without a stamp."""
    end_of_wait = time.time() + 2
    while time.time() < end_of_wait:
        app_data = seen_announces.get(hash_hex)
        if app_data is not None:
            cost = LXMF.stamp_cost_from_app_data(bytes.fromhex(app_data))
            if cost is None or bytes.fromhex(hash_hex) in router.outbound_stamp_costs:
                return
        time.sleep(0.01)


def do_send(command):
    destination = destination_of(command["to"], "lxmf", "delivery", by_node=command["method"] == "propagated")
    if command.get("stamp") is not False:
        note_cost(command["to"])
    text = command.get("text", "")
    if "size" in command:
        text = (text + " " + RNS.hexrep(os.urandom(command["size"]), delimit=False))[: command["size"]]
    if "node" in command:
        recall(command["node"])
        router.set_outbound_propagation_node(bytes.fromhex(command["node"]))
    message = LXMF.LXMessage(destination, delivery, text, "", desired_method=METHODS[command["method"]],
                             include_ticket=command.get("ticket", False))
    if "fields" in command:
        message.fields.update(msgpack.unpackb(bytes.fromhex(command["fields"])))
    # The bytes follow from the text, so that the same post has the same ones each time it is sent.
    if "file" in command:
        message.fields[LXMF.FIELD_FILE_ATTACHMENTS] = [["notes.bin", random.Random(text).randbytes(command["file"])]]
    if "image" in command:
        message.fields[LXMF.FIELD_IMAGE] = ["jpg", random.Random(text).randbytes(command["image"])]
    if "reply" in command:
        message.fields.update({0x30: bytes.fromhex(command["reply"]), 0x31: command["quote"].encode()})
    if "reaction" in command:
        message.fields[0x40] = {0: bytes.fromhex(command["reaction"]), 1: command["emoji"].encode()}
    contacts.add(destination.hash)
    tag = command["tag"]
    if command.get("stamp") is False:  # as a client does that never heard what the other end asks for
        router.outbound_stamp_costs.pop(destination.hash, None)

    def conclude(message):
        report(event="sent", tag=tag, state=STATE_NAMES.get(message.state, str(message.state)),
               method=METHOD_NAMES.get(message.method, str(message.method)),
               attempts=message.delivery_attempts, hash=message.hash.hex())

    message.register_delivery_callback(conclude)
    message.register_failed_callback(conclude)
    router.handle_outbound(message)
    if command.get("halfway"):
        while message.progress < 0.4 and message.state not in STATE_NAMES:
            time.sleep(0.002)
        report(event="halfway", tag=tag)


def do_paper(command):
    destination = destination_of(command["to"], "lxmf", "delivery")
    message = LXMF.LXMessage(destination, delivery, command["text"], "", desired_method=LXMF.LXMessage.PAPER)
    report(event="paper", tag=command["tag"], uri=message.as_uri())


def do_flood(command):
    """Sends numbered messages as fast as the router takes them, and says which ones it saw delivered."""
    destination = destination_of(command["to"], "lxmf", "delivery")
    count = command["count"]
    delivered, finished = [], 0
    changed = threading.Condition()

    def conclude(message):
        nonlocal finished
        with changed:
            finished += 1
            if message.state == LXMF.LXMessage.DELIVERED:
                delivered.append(message.content.decode())
                if len(delivered) % 20 == 0:
                    report(event="flood_progress", delivered=len(delivered))
            changed.notify()

    for index in range(count):
        method = "direct" if index % 10 == 0 else "opportunistic"
        filler = os.urandom(command.get("size", 0) // 2).hex()
        message = LXMF.LXMessage(destination, delivery, f"message {index} {filler}".strip(), "", desired_method=METHODS[method])
        message.register_delivery_callback(conclude)
        message.register_failed_callback(conclude)
        router.handle_outbound(message)
        with changed:
            changed.wait_for(lambda: index - finished < 40, timeout=60)
    with changed:
        changed.wait_for(lambda: finished == count, timeout=150)
        report(event="flood_done", delivered=list(delivered), finished=finished)


def do_link(command):
    app, aspect = command["name"].split(".")
    destination = destination_of(command["to"], app, aspect)
    started = time.time()
    done = threading.Event()
    link = RNS.Link(destination, established_callback=lambda link: done.set(),
                    closed_callback=lambda link: done.set())
    done.wait(30)
    if link.status != RNS.Link.ACTIVE:
        report(event="link_failed", tag=command["tag"])
        return
    watch_link(link)
    report(event="link", tag=command["tag"], link=link.link_id.hex(), rtt=link.rtt, mtu=link.mtu,
           took=time.time() - started)


def do_request(command):
    link = links[command["link"]]
    data = bytes.fromhex(command["data"]) if command.get("data") is not None else None
    tag = command["tag"]
    sent = time.time()

    def answered(receipt):
        value = receipt.response
        if hasattr(value, "read"):  # a file, with what describes it
            value = value.read()
            report(event="file", tag=tag, hash=RNS.Identity.full_hash(value).hex(), metadata=repr(receipt.metadata))
            return
        report(event="response", tag=tag, took=time.time() - sent,
               value=value.hex() if isinstance(value, bytes) else None, other=None if isinstance(value, bytes) else repr(value))

    def failed(receipt):
        report(event="request_failed", tag=tag, took=time.time() - sent)

    if link.request(command["path"], data, response_callback=answered, failed_callback=failed,
                    timeout=command.get("timeout")) is False:
        report(event="request_failed", tag=tag, took=0)


class Words(RNS.MessageBase):
    MSGTYPE = 0x0101

    def __init__(self, text=""):
        self.text = text

    def pack(self):
        return self.text.encode()

    def unpack(self, raw):
        self.text = raw.decode()


def do_channel(command):
    """Opens the channel of a link, with one type of message."""
    link = links[command["link"]]
    channel = link.get_channel()
    channel.register_message_type(Words)
    channel.add_message_handler(
        lambda message: isinstance(message, Words) and report(event="words", link=command["link"], text=message.text))
    report(event="channel", tag=command["tag"])


def do_words(command):
    """Sends numbered messages over the channel of a link."""
    channel = links[command["link"]].get_channel()
    for number in range(command["count"]):
        while not channel.is_ready_to_send():
            time.sleep(0.002)
        channel.send(Words(f"python {number}"))


def do_read_stream(command):
    channel = links[command["link"]].get_channel()
    digest, size, lock = hashlib.sha256(), 0, threading.Lock()

    def ready(count):
        nonlocal size
        with lock:
            data = reader.read(count)
            if data:
                digest.update(data)
                size += len(data)
            whole = size == command["size"]
        if whole:
            while reader.read(1) is None:  # nothing yet; at the end it is b""
                time.sleep(0.01)
            report(event="stream", tag=command["tag"], hash=digest.hexdigest())

    reader = RNS.Buffer.create_reader(command["stream"], channel, ready)
    report(event="reading", tag=command["tag"])


def do_write_stream(command):
    data = body(command["size"], command["kind"])
    report(event="writing", tag=command["tag"], hash=RNS.Identity.full_hash(data).hex())
    writer = RNS.Buffer.create_writer(command["stream"], links[command["link"]].get_channel())
    writer.write(data)
    writer.flush()
    writer.close()
    report(event="written", tag=command["tag"])


def do_resource(command):
    link = links[command["link"]]
    data = body(command["size"], command["kind"])
    tag = command["tag"]

    def concluded(resource):
        report(event="resource_sent", tag=tag, ok=resource.status == RNS.Resource.COMPLETE, status=resource.status)

    RNS.Resource(data, link, metadata=command.get("metadata"), callback=concluded)
    report(event="resource_started", tag=tag, size=len(data), hash=RNS.Identity.full_hash(data).hex())


def watch_receipt(receipt, tag):
    """Reports how a packet ended. Its proof may have come before the callbacks were set."""
    reported = threading.Lock()

    def once(**fields):
        if reported.acquire(blocking=False):
            report(tag=tag, **fields)

    receipt.set_delivery_callback(lambda receipt: once(event="proven", rtt=receipt.get_rtt()))
    receipt.set_timeout_callback(lambda receipt: once(event="unproven"))
    if receipt.status == RNS.PacketReceipt.DELIVERED:
        once(event="proven", rtt=receipt.get_rtt())


def do_packet(command):
    destination = destination_of(command["to"], *command["name"].split("."))
    watch_receipt(RNS.Packet(destination, bytes.fromhex(command["data"])).send(), command["tag"])


def do_link_packet(command):
    watch_receipt(RNS.Packet(links[command["link"]], bytes.fromhex(command["data"])).send(), command["tag"])


def do_path(command):
    wanted = bytes.fromhex(command["to"])
    if command.get("forget"):
        RNS.Transport.path_table.pop(wanted, None)
    before = time.time()
    RNS.Transport.request_path(wanted)
    while time.time() < before + command.get("within", 10) and not RNS.Transport.has_path(wanted):
        time.sleep(0.01)
    report(event="path", tag=command["tag"], found=RNS.Transport.has_path(wanted),
           hops=RNS.Transport.hops_to(wanted), took=time.time() - before)


def do_link_status(command):
    link = links[command["link"]]
    report(event="link_status", tag=command["tag"], status=link.status, inactive=link.inactive_for(),
           no_inbound=link.no_inbound_for(), keepalive=link.keepalive)


def do_ratchet(command):
    known = RNS.Identity.get_ratchet(bytes.fromhex(command["of"]))
    report(event="ratchet", tag=command["tag"], known=known is not None)


def handle(command):
    kind = command["do"]
    if kind == "announce":
        router.announce(delivery.hash)
    elif kind == "announce_node":
        router.announce_propagation_node()
    elif kind == "node_address":
        report(event="node_address", tag=command["tag"], address=router.propagation_destination.hash.hex())
    elif kind == "sync":
        node = bytes.fromhex(command["node"])
        recall(command["node"])
        router.set_outbound_propagation_node(node)
        router.request_messages_from_propagation_node(identity)
    elif kind == "paper":
        do_paper(command)
    elif kind == "read_paper":
        report(event="paper_read", tag=command["tag"], taken=bool(router.ingest_lxm_uri(command["uri"])))
    elif kind == "tickets":
        held = router.available_tickets["outbound"].get(bytes.fromhex(command["of"]))
        report(event="tickets", tag=command["tag"], ticket=held[1].hex() if held else None)
    elif kind == "use_ticket":  # whatever it is worth
        router.available_tickets["outbound"][bytes.fromhex(command["of"])] = [
            time.time() + 86400, bytes.fromhex(command["ticket"])]
        report(event="ticket_used", tag=command["tag"])
    elif kind == "forget_tickets":
        router.available_tickets["outbound"].clear()
    elif kind == "announce_service":
        service.announce()
    elif kind == "send":
        do_send(command)
    elif kind == "flood":
        do_flood(command)
    elif kind == "link":
        do_link(command)
    elif kind == "identify":
        links[command["link"]].identify(identity)
        report(event="identify_sent", tag=command["tag"])
    elif kind == "stamp":
        stamp, value = LXMF.LXStamper.generate_stamp(
            bytes.fromhex(command["material"]), command["cost"], expand_rounds=command["rounds"])
        report(event="stamp", tag=command["tag"], stamp=stamp.hex(), value=value)
    elif kind == "request":
        do_request(command)
    elif kind == "channel":
        do_channel(command)
    elif kind == "words":
        do_words(command)
    elif kind == "read_stream":
        do_read_stream(command)
    elif kind == "write_stream":
        do_write_stream(command)
    elif kind == "resource":
        do_resource(command)
    elif kind == "packet":
        do_packet(command)
    elif kind == "link_packet":
        do_link_packet(command)
    elif kind == "path":
        do_path(command)
    elif kind == "ratchet":
        do_ratchet(command)
    elif kind == "teardowns":
        report(event="teardowns", tag=command["tag"], count=teardowns)
    elif kind == "link_status":
        do_link_status(command)
    elif kind == "close":
        links[command["link"]].teardown()
    elif kind == "quit":
        router.exit_handler()
        RNS.Reticulum.exit_handler()
        os._exit(0)
    else:
        raise ValueError(f"unknown command {kind}")


def guarded(command):
    try:
        handle(command)
    except Exception as error:  # reported, so that the test that waits says why it failed
        report(event="error", tag=command.get("tag"), command=command.get("do"), error=f"{type(error).__name__}: {error}")


report(event="ready", delivery=delivery.hash.hex(), service=service.hash.hex(), identity=identity.hash.hex(),
       rns=RNS.__version__, lxmf=LXMF.__version__)
for line in commands:
    if line.strip():
        threading.Thread(target=guarded, args=(json.loads(line),), daemon=True).start()
os._exit(0)
