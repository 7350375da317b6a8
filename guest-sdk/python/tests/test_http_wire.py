"""The socket that http.client speaks with: requests read back from their bytes, answers written for it."""

from __future__ import annotations

import http.client
import importlib.util
import io
import ssl
import sys
import unittest
import urllib.request
from pathlib import Path
from typing import Any

_RUNTIME = Path(__file__).parent.parent / "src" / "external_worker" / "_runtime"


def load(name: str) -> Any:
    """A module of the runtime that needs nothing of the sandbox."""
    spec = importlib.util.spec_from_file_location(f"_{name}", _RUNTIME / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


wire, tls, refusals = load("wire"), load("tls"), load("refusals")


class WireTest(unittest.TestCase):
    """http.client on both sides of the pretended socket."""

    def ask(self, *request: Any, answer: Any = (200, [], b""), **options: Any) -> tuple[Any, Any]:
        seen: list[Any] = []

        def send(*sent: Any) -> Any:
            seen.append(sent)
            return answer[0], answer[1], io.BytesIO(answer[2])

        connection = http.client.HTTPConnection("host")
        connection.sock = wire.HostSocket("https://host:8443", send)
        connection.request(*request, **options)
        return connection.getresponse(), seen[0]

    def test_get(self) -> None:
        response, (method, url, headers, body) = self.ask("GET", "/a?b=c", answer=(200, [("X", "y")], b"hello"))
        self.assertEqual((method, url, body), ("GET", "https://host:8443/a?b=c", None))
        self.assertIn(("Host", "host"), headers)
        self.assertEqual((response.status, response.reason, response.getheader("x"), response.read()), (200, "OK", "y", b"hello"))

    def test_post(self) -> None:
        _, (_, _, _, body) = self.ask("POST", "/", body=b"a\r\n\r\nb")
        self.assertEqual(body, b"a\r\n\r\nb")

    def test_empty_post(self) -> None:
        self.assertEqual(self.ask("POST", "/", body=b"")[1][3], b"")

    def test_chunked_post(self) -> None:
        _, (_, _, _, body) = self.ask("POST", "/", body=iter([b"abc", b"def"]), encode_chunked=True)
        self.assertEqual(body, b"abcdef")

    def test_answers_end_with_the_connection(self) -> None:
        response, _ = self.ask("GET", "/", answer=(299, [("Transfer-Encoding", "chunked")], b"x" * 100_000))
        self.assertEqual((len(response.read()), response.will_close, response.getheader("transfer-encoding")), (100_000, True, None))

    def test_head_and_lengths(self) -> None:
        response, _ = self.ask("HEAD", "/", answer=(200, [("Content-Length", "5")], b""))
        self.assertEqual((response.read(), response.getheader("content-length")), (b"", "5"))

    def test_unchunked(self) -> None:
        self.assertEqual(wire.unchunked(b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"), b"abc0123456789")


class TlsTest(unittest.TestCase):
    """The module that `import ssl` finds."""

    def test_contexts_that_check_are_used(self) -> None:
        for context in (None, True, tls.SSLContext(), tls.create_default_context(cafile="x/cacert.pem")):
            tls.usable(context)

    def test_what_switches_checks_off_is_refused(self) -> None:
        for context in (False, tls._create_unverified_context()):
            with self.assertRaisesRegex(tls.SSLError, "verify=False"):
                tls.usable(context)

    def test_certificates_of_a_worker_are_refused(self) -> None:
        own, other = tls.SSLContext(), tls.create_default_context(cadata="x")
        own.load_cert_chain("x.pem")
        for context in (own, other):
            with self.assertRaises(tls.SSLError):
                tls.usable(context)

    def test_sockets_are_refused_with_a_way_out(self) -> None:
        with self.assertRaisesRegex(tls.SSLError, "capability `http`"):
            tls.SSLContext().wrap_socket(None)

    def test_names_that_clients_import(self) -> None:
        for name in ("CERT_REQUIRED", "OP_NO_TICKET", "PROTOCOL_TLS_CLIENT", "TLSVersion", "Purpose", "SSLWantReadError",
                     "VERIFY_X509_STRICT", "OP_NO_COMPRESSION", "HAS_NEVER_CHECK_COMMON_NAME", "MemoryBIO", "SSLObject"):
            self.assertTrue(hasattr(tls, name) and hasattr(ssl, name), name)

    def test_urllib_takes_its_contexts(self) -> None:
        urllib.request.HTTPSHandler(context=tls.create_default_context())


class RefusalsTest(unittest.TestCase):
    """What the loop does not do."""

    def test_each_has_a_sentence(self) -> None:
        for name in ("sock_recv", "add_reader", "start_tls", "subprocess_exec", "create_unix_server"):
            with self.assertRaisesRegex(NotImplementedError, f"{name}: .*external worker"):
                getattr(refusals.Refusals(), name)()

    def test_no_second_loop(self) -> None:
        async def nothing() -> None:
            pass

        with self.assertRaisesRegex(RuntimeError, "await"):
            refusals.no_second_loop(nothing())


if __name__ == "__main__":
    unittest.main()
