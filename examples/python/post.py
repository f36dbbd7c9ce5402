#!/usr/bin/env python3
"""Sends a text to a group as any LXMF client does, with a stock LXMRouter; prints what the node answers.

Commands are texts too: `post.py ADDRESS /join`, `post.py ADDRESS /help`, `post.py ADDRESS "/claim CODE"`.
"""

import sys
import threading
import time

import LXMF
import RNS

import connection


def recall(address, deadline):
    """The identity behind an address; its announce is asked for until it comes."""
    while not RNS.Transport.has_path(address):
        if time.monotonic() > deadline:
            raise TimeoutError(f"no path to {address.hex()}")
        RNS.Transport.request_path(address)
        time.sleep(0.5)
    return RNS.Identity.recall(address)


def main():
    parser = connection.arguments(__doc__)
    parser.add_argument("--name", default="Tourist", help="the name that we announce")
    parser.add_argument("--wait", default=2, type=float, metavar="SECONDS", help="listen for answers so long")
    parser.add_argument("address", type=bytes.fromhex, help="the group's LXMF address")
    parser.add_argument("text")
    a = parser.parse_args()
    identity = connection.start(a.state, a.connect)
    router = LXMF.LXMRouter(identity=identity, storagepath=str(a.state / "lxmf"))
    source = router.register_delivery_identity(identity, display_name=a.name)
    router.register_delivery_callback(lambda message: print(f"< {message.content_as_string()}", flush=True))
    group = RNS.Destination(
        recall(a.address, time.monotonic() + a.timeout),
        RNS.Destination.OUT,
        RNS.Destination.SINGLE,
        "lxmf",
        "delivery",
    )
    router.announce(source.hash)
    done = threading.Event()
    message = LXMF.LXMessage(group, source, a.text)
    message.register_delivery_callback(lambda message: done.set())
    message.register_failed_callback(lambda message: done.set())
    router.handle_outbound(message)
    done.wait(a.timeout)
    delivered = message.state == LXMF.LXMessage.DELIVERED
    print("delivered" if delivered else "not delivered", flush=True)
    time.sleep(a.wait)
    return 0 if delivered else 1


if __name__ == "__main__":
    sys.exit(main())
