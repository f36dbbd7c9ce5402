"""The Python side of the comparison: an LXMF router and a 2 kB request handler on one loopback TCP server.

JSON lines on standard output; `stats` and `announce` on standard input.
"""
import argparse
import json
import os
import sys
import time

import LXMF
import RNS

arguments = argparse.ArgumentParser()
arguments.add_argument("--config", required=True)
arguments.add_argument("--storage", required=True)
arguments = arguments.parse_args()
started = time.time()


def out(**fields):
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


reticulum = RNS.Reticulum(configdir=arguments.config, loglevel=1)
assert not reticulum.is_connected_to_shared_instance
os.makedirs(arguments.storage, exist_ok=True)
identity = RNS.Identity()
received = 0


def on_message(message):
    global received
    received += 1


router = LXMF.LXMRouter(identity=identity, storagepath=arguments.storage)
delivery = router.register_delivery_identity(identity, display_name="bench")
router.register_delivery_callback(on_message)
service = RNS.Destination(identity, RNS.Destination.IN, RNS.Destination.SINGLE, "bench", "req")
answer = os.urandom(2000)


def on_request(path, data, request_id, link_id, remote_identity, requested_at):
    return answer


service.register_request_handler("/get", on_request, allow=RNS.Destination.ALLOW_ALL, auto_compress=False)
out(ready=time.time() - started, delivery=delivery.hash.hex(), service=service.hash.hex())
for line in sys.stdin:
    if line.strip() == "stats":
        out(stats=1, received=received)
    elif line.strip() == "announce":
        router.announce(delivery.hash)
        service.announce()
        out(announced=1)
