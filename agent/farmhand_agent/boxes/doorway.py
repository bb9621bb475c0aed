"""Makes sockets inside a box's network and hands them out: a program of its own, run for a few milliseconds.

A socket belongs to the network in which it was made, whoever connects it later. So this helper joins the box's user and
network namespaces (only a single-threaded program may), makes a batch of sockets, passes them to the agent over a Unix
socket and ends. The agent connects them from outside whenever a job needs one; nothing stays behind.

    python -I -S doorway.py PID-OF-THE-BOX FD COUNT
"""

import ctypes
import fcntl
import os
import socket
import sys

NS_GET_USERNS = 0xB701
"""ioctl on a namespace: its owner, which is not /proc/PID/ns/user since bubblewrap makes a second user namespace."""

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000


def join_network_of(pid: int) -> None:
    """Move this process into the network of the process `pid`.

    Raises:
        OSError: the process is gone or not ours.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    network = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    owner = fcntl.ioctl(network, NS_GET_USERNS)
    for namespace, kind in ((owner, CLONE_NEWUSER), (network, CLONE_NEWNET)):
        if libc.setns(namespace, kind) != 0:
            raise OSError(ctypes.get_errno(), "cannot join the box")


def main() -> None:
    """Carry out the command line."""
    pid, descriptor, count = (int(word) for word in sys.argv[1:])
    join_network_of(pid)
    made = [socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) for _ in range(count)]
    with socket.socket(fileno=descriptor) as agent:
        socket.send_fds(agent, [b"s"], [one.fileno() for one in made])


if __name__ == "__main__":
    main()
