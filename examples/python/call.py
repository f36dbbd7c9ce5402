#!/usr/bin/env python3
"""Calls a group's request handlers over an identified link:

info, join [NICK], leave, members, messages, send TEXT, delete NUMBER, claim CODE, nick NICK, bans,
kick WHO [REASON], ban WHO [REASON], unban WHO
"""

import sys
import time

import connection
from meshgroup_client import GroupClient, Refused, positions


def person(word):
    """Names somebody: by member number, else by nick or the beginning of a hash."""
    return {"member": int(word)} if word.isdecimal() else {"name": word}


def request(action, words):
    """Path, request type and fields of an action."""
    text, first, rest = " ".join(words), "".join(words[:1]), " ".join(words[1:])
    return {
        "info": lambda: ("info", "InfoRequest", {}),
        "join": lambda: ("join", "JoinRequest", {"nick": text}),
        "leave": lambda: ("leave", "LeaveRequest", {}),
        "members": lambda: ("members", "MembersRequest", {}),
        "messages": lambda: ("messages", "MessagesRequest", {"limit": 20, "with_authors": True}),
        "send": lambda: ("messages/send", "SendRequest", {"text": text}),
        "delete": lambda: ("messages/delete", "DeleteRequest", {"seq": int(text)}),
        "claim": lambda: ("claim", "ClaimRequest", {"code": text}),
        "nick": lambda: ("display-name/update", "DisplayNameUpdateRequest", {"nick": text}),
        "bans": lambda: ("bans", "BansRequest", {}),
        "kick": lambda: ("members/kick", "KickRequest", {"who": person(first), "reason": rest}),
        "ban": lambda: ("members/ban", "BanRequest", {"who": person(first), "reason": rest}),
        "unban": lambda: ("members/unban", "UnbanRequest", {"who": person(first)}),
    }[action]()


def show(response):
    """Prints a response: messages and members as lines, anything else as its fields."""
    kind = response.DESCRIPTOR.name
    if kind == "MessagesResponse":
        nicks = {author.member: author.nick for author in response.authors}
        for seq, time_s, event in positions(response):
            if event.HasField("text"):
                clock = time.strftime("%H:%M", time.localtime(time_s))
                print(f"{seq:6} {clock} {nicks.get(event.author, 'operator')}: {event.text}")
    elif kind == "MembersResponse":
        for member in response.members:
            print(f"{member.member:6} {member.identity_hash.hex()} {member.nick}")
    else:
        print(str(response).strip() or "done")


def main():
    parser = connection.arguments(__doc__)
    parser.add_argument("address", type=bytes.fromhex, help="the group's own address, not the LXMF one")
    parser.add_argument("action")
    parser.add_argument("words", nargs="*")
    a = parser.parse_args()
    path, kind, fields = request(a.action, a.words)
    node = GroupClient(a.address, connection.start(a.state, a.connect), a.timeout)
    try:
        show(node.call(f"/api/v1/{path}", kind, **fields))
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 1
    finally:
        node.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
