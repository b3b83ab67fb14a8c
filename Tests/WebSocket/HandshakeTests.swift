import NIOCore
import Testing
import WebSocketCodec

@Suite("Opening handshake")
struct HandshakeTests {
    @Test("The key of RFC 6455 §1.3 is accepted as it says")
    func example() throws {
        let answer = Handshake.answer(try upgradeRequest(), offeringDeflate: true)
        let response = """
            HTTP/1.1 101 Switching Protocols
            Upgrade: websocket
            Connection: Upgrade
            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=


            """.replacing("\n", with: "\r\n")
        #expect(answer == .accepted(response: ByteBuffer(string: response), deflate: nil))
    }

    @Test(
        "A request that cannot be served as a WebSocket is refused with the reason",
        arguments: [
            ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8", "426 Upgrade Required"),
            ("Sec-WebSocket-Version: 13", "X: y", "426 Upgrade Required"),
            ("Upgrade: websocket", "X: y", "426 Upgrade Required"),
            ("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZ===", "400 Bad Request"),
            ("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25j", "400 Bad Request"),
            ("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBs-SBub25jZQ==", "400 Bad Request"),
            ("Sec-WebSocket-Key: ", "X: ", "400 Bad Request"),
            ("Origin: http://example.com", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "400 Bad Request"),
            ("Origin: http://example.com", "Sec-WebSocket-Extensions: a b", "400 Bad Request"),
            ("Origin: http://example.com", "Sec-WebSocket-Extensions: a; b=\"c d\"", "400 Bad Request"),
            ("Origin: http://example.com", "Sec-WebSocket-Extensions: a; b=", "400 Bad Request"),
            ("Origin: http://example.com", "Sec-WebSocket-Extensions: a;", "400 Bad Request"),
            ("Origin: http://example.com", "Sec-WebSocket-Extensions: a; b=\"c", "400 Bad Request"),
            ("Origin: http://example.com", "Sec-WebSocket-Extensions: a; b=\"\"", "400 Bad Request"),
        ])
    func refusals(part: String, other: String, status: String) throws {
        let request = try upgradeRequest(replacing: part, with: other)
        guard case .refused(let response) = Handshake.answer(request, offeringDeflate: true) else {
            Issue.record("accepted")
            return
        }
        let text = String(buffer: response)
        #expect(text.hasPrefix("HTTP/1.1 \(status)\r\n"))
        #expect(text.contains("\r\nConnection: close\r\n"))
        #expect(text.contains("\r\nSec-WebSocket-Version: 13\r\n") == status.hasPrefix("426"))
        #expect(text.contains("\r\nUpgrade: websocket\r\n") == status.hasPrefix("426"))
        let parts = text.split(separator: "\r\n\r\n", maxSplits: 1)
        let body = try #require(parts.last)
        #expect(text.contains("\r\nContent-Length: \(body.utf8.count)\r\n"))
    }

    // MARK: Compression

    private static let base = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

    @Test(
        "The first acceptable offer of compression wins (RFC 7692 §5.1, §7.1)",
        arguments: [
            ("permessage-deflate", base),
            ("permessage-deflate; client_max_window_bits", base),
            ("permessage-deflate; client_max_window_bits=8", base),
            ("permessage-deflate; client_max_window_bits=\"10\"", base),
            ("permessage-deflate; client_max_window_bits=\"1\\0\"", base),
            ("permessage-deflate;client_no_context_takeover ; server_no_context_takeover", base),
            ("permessage-deflate; server_max_window_bits=15", base + "; server_max_window_bits=12"),
            ("permessage-deflate; server_max_window_bits=12", base + "; server_max_window_bits=12"),
            ("permessage-deflate; server_max_window_bits=8, permessage-deflate", base),
            (
                "x-webkit-deflate-frame, , other; a=\"b\", permessage-deflate; server_max_window_bits=13",
                base + "; server_max_window_bits=12"
            ),
            (
                "permessage-deflate; server_max_window_bits=10; client_max_window_bits, permessage-deflate; x, "
                    + "permessage-deflate; client_max_window_bits", base
            ),
        ])
    func accepts(offer: String, answer: String) throws {
        guard
            case .accepted(let response, let deflate) = Handshake.answer(
                try upgradeRequest(extensions: offer), offeringDeflate: true)
        else {
            Issue.record("refused")
            return
        }
        #expect(deflate?.headerValue == answer)
        #expect(String(buffer: response).contains("\r\nSec-WebSocket-Extensions: \(answer)\r\n"))
    }

    @Test(
        "An offer that must be declined is left out of the answer (RFC 7692 §7.1)",
        arguments: [
            "permessage-deflate; server_max_window_bits=8", "permessage-deflate; server_max_window_bits=11",
            "permessage-deflate; server_max_window_bits=16", "permessage-deflate; server_max_window_bits",
            "permessage-deflate; server_max_window_bits=012", "permessage-deflate; server_max_window_bits=x",
            "permessage-deflate; client_max_window_bits=7", "permessage-deflate; client_max_window_bits=16",
            "permessage-deflate; client_max_window_bits=09", "permessage-deflate; client_no_context_takeover=1",
            "permessage-deflate; server_no_context_takeover=true", "permessage-deflate; unknown",
            "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
            "permessage-deflate; server_max_window_bits=12; server_max_window_bits=12", "permessage-deflates",
        ])
    func declines(offer: String) throws {
        let request = try upgradeRequest(extensions: offer)
        guard case .accepted(let response, let deflate) = Handshake.answer(request, offeringDeflate: true) else {
            Issue.record("refused")
            return
        }
        #expect(deflate == nil)
        #expect(!String(buffer: response).contains("Sec-WebSocket-Extensions"))
    }

    @Test("An empty list of extensions, as some clients send it, is no offer", arguments: ["", ",", " , "])
    func emptyList(value: String) throws {
        let request = try upgradeRequest(
            replacing: "Origin: http://example.com", with: "Sec-WebSocket-Extensions: \(value)")
        guard case .accepted(_, let deflate) = Handshake.answer(request, offeringDeflate: true) else {
            Issue.record("refused")
            return
        }
        #expect(deflate == nil)
    }

    @Test("A server that does not compress declines every offer")
    func withoutCompression() throws {
        let request = try upgradeRequest(extensions: "permessage-deflate")
        guard case .accepted(_, let deflate) = Handshake.answer(request, offeringDeflate: false) else {
            Issue.record("refused")
            return
        }
        #expect(deflate == nil)
    }
}
