"""What both programs need: Reticulum with one TCP connection to a node, and an identity that is kept."""

import argparse
import pathlib

import RNS

CONFIG = """[reticulum]
  share_instance = No
[logging]
  loglevel = 1
[interfaces]
  [[meshgroup]]
    type = TCPClientInterface
    enabled = yes
    target_host = {}
    target_port = {}
"""


def arguments(description):
    """A parser with the options of both programs."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--connect", default="127.0.0.1:4242", metavar="HOST:PORT", help="the node's tcp-server")
    parser.add_argument("--state", default="target/tour", type=pathlib.Path, metavar="DIR", help="our own files")
    parser.add_argument("--timeout", default=30, type=float, metavar="SECONDS")
    return parser


def start(state, connect):
    """Starts Reticulum; returns the identity that is kept in the folder `state`."""
    state.mkdir(parents=True, exist_ok=True)
    host, _, port = connect.rpartition(":")
    (state / "config").write_text(CONFIG.format(host, port))
    RNS.Reticulum(configdir=str(state))
    file = state / "own_identity"
    identity = RNS.Identity.from_file(str(file)) if file.exists() else RNS.Identity()
    identity.to_file(str(file))
    return identity
