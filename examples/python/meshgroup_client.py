"""A small client of a meshgroup node: opens a link to its `meshchat.group` destination, identifies, calls its handlers.

The message types are built at run time from `proto/descriptor.binpb`, so no generated code and no protoc is needed:

    node = GroupClient(bytes.fromhex(address), identity)
    page = node.call("/api/v1/messages", "MessagesRequest", limit=20, with_authors=True)
"""

import pathlib
import threading
import time

import RNS
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

DESCRIPTORS = pathlib.Path(__file__).resolve().parents[2] / "proto" / "descriptor.binpb"


def load_types(path=DESCRIPTORS):
    """The message classes of the contract by their short names, and the names of the error codes by number."""
    files = descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    names = [f"{file.package}.{message.name}" for file in files.file for message in file.message_type]
    classes = {name.rpartition(".")[2]: pool.FindMessageTypeByName(name) for name in names}
    codes = pool.FindEnumTypeByName("meshgroup.v1.ErrorCode").values_by_number
    return (
        {name: message_factory.GetMessageClass(descriptor) for name, descriptor in classes.items()},
        {number: value.name.removeprefix("ERROR_CODE_") for number, value in codes.items()},
    )


TYPES, ERROR_CODES = load_types()


class Refused(Exception):
    """The node answered with an error; `code` is the name of an ErrorCode without its prefix."""

    def __init__(self, error):
        self.code, self.error = ERROR_CODES.get(error.code, str(error.code)), error
        super().__init__(f"{self.code}: {error.text}")


class GroupClient:
    """A link to one group. Without an identity the caller stays unknown to the node."""

    def __init__(self, address, identity=None, timeout_s=15):
        self.timeout_s = timeout_s
        group = RNS.Destination(
            self._recall(address), RNS.Destination.OUT, RNS.Destination.SINGLE, "meshchat", "group"
        )
        established = threading.Event()
        self.link = RNS.Link(group, established_callback=lambda link: established.set())
        if not established.wait(timeout_s):
            raise TimeoutError("the node does not answer the link request")
        if identity is not None:
            self.link.identify(identity)

    def close(self):
        self.link.teardown()

    def _recall(self, address):
        """The identity behind an address; its announce is asked for until it comes."""
        deadline = time.monotonic() + self.timeout_s
        while not RNS.Transport.has_path(address):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no path to {address.hex()}")
            RNS.Transport.request_path(address)
            time.sleep(0.5)
        return RNS.Identity.recall(address)

    def call(self, path, request, **fields):
        """Sends the message type named `request` with these fields; returns the response message."""
        body = TYPES[request](**fields).SerializeToString()
        answered, answer = threading.Event(), []

        def on_answer(receipt):
            answer.append(receipt.response)
            answered.set()

        failed = lambda receipt: answered.set()
        self.link.request(path, body, on_answer, failed, timeout=self.timeout_s)
        if not answered.wait(self.timeout_s + 5) or not answer:
            raise TimeoutError(f"no answer to {path}")
        response = TYPES[request.replace("Request", "Response")].FromString(answer[0])
        if response.HasField("error"):
            raise Refused(response.error)
        return response


def positions(page):
    """(sequence number, unix time, event) of each event in a MessagesResponse, whose fields tell differences."""
    seq, time_s = page.first_seq, page.first_time_s
    for index, event in enumerate(page.events):
        if index:
            seq, time_s = seq + event.skip + 1, time_s + event.delta_s
        yield seq, time_s, event
