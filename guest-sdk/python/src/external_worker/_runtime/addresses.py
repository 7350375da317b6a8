"""Addresses and errors of wasi:sockets as Python has them."""

from __future__ import annotations

import errno
import ipaddress
from typing import Any

from componentize_py_types import Err
from wit_world.imports import wasi_sockets_types as wasi

_ERRORS: dict[str, tuple[type[OSError], int, str]] = {
    "AccessDenied": (PermissionError, errno.EACCES, "not granted: the capability `sockets` has to cover it"),
    "Timeout": (TimeoutError, errno.ETIMEDOUT, "timed out"),
    "ConnectionRefused": (ConnectionRefusedError, errno.ECONNREFUSED, "refused"),
    "ConnectionReset": (ConnectionResetError, errno.ECONNRESET, "reset by the other end"),
    "ConnectionAborted": (ConnectionAbortedError, errno.ECONNABORTED, "aborted"),
    "ConnectionBroken": (BrokenPipeError, errno.EPIPE, "broken"),
    "RemoteUnreachable": (OSError, errno.EHOSTUNREACH, "unreachable"),
    "AddressInUse": (OSError, errno.EADDRINUSE, "the address is in use"),
    "AddressNotBindable": (OSError, errno.EADDRNOTAVAIL, "not an address of this machine"),
    "InvalidArgument": (OSError, errno.EINVAL, "not possible with this address"),
    "InvalidState": (OSError, errno.EINVAL, "not possible now"),
    "NotSupported": (OSError, errno.EOPNOTSUPP, "not supported"),
    "OutOfMemory": (OSError, errno.ENOBUFS, "a budget of this worker is used up"),
    "DatagramTooLarge": (OSError, errno.EMSGSIZE, "the datagram is too large"),
}


def os_error(error: Err, what: str) -> OSError:
    """The exception of Python's that an error is."""
    name = type(error.value).__name__.rpartition("_")[2]
    kind, number, text = _ERRORS.get(name, (OSError, errno.EIO, ""))
    said = text or getattr(error.value, "value", None) or "failed"
    problem = kind(f"{what}: {said}")
    problem.errno = number
    return problem


def to_wit(ip: Any, port: int) -> Any:
    """An address and a port, for the host."""
    if ip.version == 4:
        return wasi.IpSocketAddress_Ipv4(wasi.Ipv4SocketAddress(port, tuple(ip.packed)))
    groups = tuple(int.from_bytes(ip.packed[at : at + 2], "big") for at in range(0, 16, 2))
    return wasi.IpSocketAddress_Ipv6(wasi.Ipv6SocketAddress(port, 0, groups, int(ip.scope_id or 0)))


def family(ip: Any) -> Any:
    """The family of an address, for the host."""
    return wasi.IpAddressFamily.IPV4 if ip.version == 4 else wasi.IpAddressFamily.IPV6


def from_wit(one: Any) -> Any:
    """An address of the host's name lookup."""
    if isinstance(one, wasi.IpAddress_Ipv4):
        return ipaddress.IPv4Address(bytes(one.value))
    return ipaddress.IPv6Address(b"".join(group.to_bytes(2, "big") for group in one.value))


def plain(found: Any) -> tuple[Any, ...]:
    """An address and a port as Python's socket module writes them."""
    value = found.value
    if isinstance(found, wasi.IpSocketAddress_Ipv4):
        return (str(ipaddress.IPv4Address(bytes(value.address))), value.port)
    ip = ipaddress.IPv6Address(b"".join(group.to_bytes(2, "big") for group in value.address))
    return (str(ip), value.port, value.flow_info, value.scope_id)
