import APIDomain
import APIServer
import Contracts
import Crypto
import Foundation
import NIOCore
import TestSupport
import Testing

@Suite("Files")
struct FileTests {
    // MARK: Ranges

    @Test(
        "A range of bytes is read as RFC 9110 says; what is none means the whole file",
        arguments: [
            ("bytes=0-0", .part(0..<1)), ("bytes=0-99", .part(0..<100)), ("bytes=10-", .part(10..<100)),
            ("bytes=-1", .part(99..<100)), ("bytes=-1000", .part(0..<100)), ("bytes=90-1000", .part(90..<100)),
            ("Bytes= 5 - 6 ", .part(5..<7)), ("bytes=100-", .unsatisfiable), ("bytes=100-200", .unsatisfiable),
            ("bytes=-0", .unsatisfiable), ("bytes=99999999999999999999-", .unsatisfiable),
            ("bytes=0-99999999999999999999", .part(0..<100)), ("bytes=5-4", .whole), ("bytes=-", .whole),
            ("bytes=0-1,3-4", .whole), ("bytes=a-b", .whole), ("bytes=+1-2", .whole), ("bytes=1", .whole),
            ("items=0-1", .whole), ("bytes=1-2-3", .whole), ("", .whole),
        ] as [(String, ByteSelection)])
    func ranges(text: String, expected: ByteSelection) {
        #expect(ByteSelection(range: text, condition: nil, tag: "\"t\"", byteCount: 100) == expected)
    }

    @Test("A range counts only for the file that the client knows")
    func rangeCondition() {
        func selection(_ condition: String?) -> ByteSelection {
            ByteSelection(range: "bytes=1-2", condition: condition, tag: "\"t\"", byteCount: 100)
        }
        #expect(selection(nil) == .part(1..<3))
        #expect(selection("\"t\"") == .part(1..<3))
        #expect(selection("\"other\"") == .whole)
        #expect(selection("W/\"t\"") == .whole)
        #expect(selection("Sat, 21 Nov 2026 07:28:00 GMT") == .whole)
        #expect(ByteSelection(range: nil, condition: "\"t\"", tag: "\"t\"", byteCount: 100) == .whole)
    }

    // MARK: Names and types

    @Test(
        "A name is stored without path and without marks that turn text around",
        arguments: [
            ("notes.txt", "notes.txt"), (" a b.png ", "a b.png"), ("C:\\Users\\ada\\plan.pdf", "plan.pdf"),
            ("../../etc/passwd", "passwd"), ("cat\u{202E}gnp.exe", "catgnp.exe"), ("\u{2066}x\u{2069}.gif", "x.gif"),
            ("Grüße 世界 👩‍👩‍👧.jpg", "Grüße 世界 👩‍👩‍👧.jpg"), (".hidden", ".hidden"), ("folder/", "folder"),
        ])
    func names(text: String, stored: String) throws {
        #expect(try Checks.fileName(text) == stored)
    }

    @Test("A name that is none is refused", arguments: ["", " ", "/", "..", ".", "a\nb", "a\u{0}b", "a/.."])
    func refusedNames(text: String) {
        #expect(throws: APIError.self) { try Checks.fileName(text) }
    }

    @Test("Only what cannot run is shown in place or named; the rest is downloaded as bytes")
    func presentation() {
        let shown = FilePresentation(name: "a b\"ü.png", mediaType: "image/png")
        #expect(shown.contentType == "image/png")
        #expect(shown.disposition == "inline; filename=\"a b__.png\"; filename*=UTF-8''a%20b%22%C3%BC.png")
        for type in ["text/html", "image/svg+xml", "application/javascript", "text/css", "application/pdf", "text/xml"]
        {
            let hidden = FilePresentation(name: "x", mediaType: type)
            #expect(hidden.contentType == "application/octet-stream", "\(type)")
            #expect(hidden.disposition.hasPrefix("attachment;"), "\(type)")
        }
    }

    @Test("A media type is in lower case and without parameters")
    func mediaTypes() throws {
        #expect(try Checks.mediaType("Text/HTML; charset=utf-8") == "text/html")
        #expect(try Checks.mediaType("image/svg+xml") == "image/svg+xml")
        for text in ["", "text", "text/", "/x", "a/b/c", "a b/c", "text/h\u{E9}"] {
            #expect(throws: APIError.self, "\(text)") { try Checks.mediaType(text) }
        }
    }

    // MARK: Links

    private static let pem = P256.Signing.PrivateKey().pemRepresentation

    @Test("A link to upload holds for its file, its bytes, its end and its use, and for nothing else")
    func uploadLinks() throws {
        let signer = try FileLinkSigner(pem: Self.pem)
        let now = Timestamp.example
        let (file, other) = (FileID.example, FileID(high: 1, low: 2))
        let path = signer.uploadPath(file, byteCount: 10, expiresAt: now + .seconds(60))
        let expires = (now + .seconds(60)).milliseconds / 1000
        let signature = try #require(path.split(separator: "=").last)
        func holds(
            _ file: FileID, _ text: some StringProtocol, bytes: Int64 = 10, end: Int64? = nil, at: Duration = .zero
        ) -> Bool {
            signer.isUpload(file, byteCount: bytes, expires: end ?? expires, signature: text, now: now + at)
        }
        #expect(holds(file, signature))
        #expect(holds(file, signature, at: .seconds(59)))
        #expect(!holds(file, signature, at: .seconds(60)))
        #expect(!holds(other, signature))
        #expect(!holds(file, signature, bytes: 11))
        #expect(!holds(file, signature, end: expires + 1))
        #expect(!holds(file, signature, end: .max))
        #expect(!holds(file, ""))
        #expect(!holds(file, signature.dropLast()))
        #expect(!holds(file, (signature.first == "A" ? "B" : "A") + signature.dropFirst()))
        #expect(!signer.isDownload(file, member: .example, expires: expires, signature: signature, now: now))
    }

    @Test("A link to read holds for its member, and one who asks again within its life gets the same")
    func downloadLinks() throws {
        let signer = try FileLinkSigner(pem: Self.pem)
        let file = Contracts.Attachment(id: .example, name: "a ü/?.png", mediaType: "image/png", byteCount: 1)
        let now = Timestamp(milliseconds: 1_763_700_000_000)
        let end = FileLinkSigner.linkEnd(now: now)
        #expect(end == FileLinkSigner.linkEnd(now: now + .seconds(1)))
        #expect(end >= now + Limits.fileLinkLifetime)
        #expect(end <= now + Limits.fileLinkLifetime * 2)
        let path = signer.downloadPath(file, member: .example, expiresAt: end)
        #expect(path.hasPrefix("/files/\(file.id)/a%20%C3%BC%2F%3F.png?member="))
        let signature = try #require(path.split(separator: "=").last)
        let expires = end.milliseconds / 1000
        #expect(signer.isDownload(file.id, member: .example, expires: expires, signature: signature, now: now))
        #expect(
            !signer.isDownload(
                file.id, member: UserID(high: 1, low: 1), expires: expires, signature: signature, now: now))
        #expect(!signer.isDownload(file.id, member: .example, expires: expires, signature: signature, now: end))
    }

    // MARK: Disk

    @Test("What is written is read back, in whole and from any place")
    func storage() async throws {
        let disk = try Disk()
        let bytes = (0..<700_001).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let digest = try await disk.write(bytes, in: 7_001)
        let open = try await disk.storage.open(disk.file, digest: digest)
        #expect(Array(try await open.read(at: 0, upTo: 1_000_000).readableBytesView) == bytes)
        #expect(Array(try await open.read(at: 300_000, upTo: 5).readableBytesView) == Array(bytes[300_000..<300_005]))
        #expect(try await open.read(at: 700_001, upTo: 5).readableBytes == 0)
        // Removed, it is read on by those who have it open, and nothing of it is left.
        try await disk.storage.remove(disk.file)
        #expect(Array(try await open.read(at: 5, upTo: 2).readableBytesView) == Array(bytes[5..<7]))
        #expect(disk.names() == [])
        await #expect(throws: StorageError.missing) { try await disk.storage.open(disk.file, digest: digest) }
    }

    @Test("A body that is too short, too long or cut leaves nothing on disk", arguments: [4, 6])
    func wrongLength(count: Int) async throws {
        let disk = try Disk()
        await #expect(throws: count < 5 ? StorageError.tooShort : .tooLong) {
            try await disk.write([UInt8](repeating: 1, count: count), in: 2, announced: 5)
        }
        try await eventually("nothing is left") { disk.names() == [] ? true : nil }
    }

    @Test("A disk without room says so before a byte is written, and nothing is left", arguments: [0, Int64.max / 2])
    func full(reserve: Int64) async throws {
        let disk = try Disk(free: reserve)
        // More than any disk has free: what is asked of the file system itself, or held back for others.
        let announced: Int64 = reserve == 0 ? 1 << 60 : 5
        await #expect(throws: StorageError.full) { try await disk.write([1, 2, 3, 4, 5], in: 5, announced: announced) }
        try await eventually("nothing is left") { disk.names() == [] ? true : nil }
    }

    @Test("Two uploads of one file at a time are both whole; the other one can be removed")
    func twice() async throws {
        let disk = try Disk()
        let (first, second) = ([UInt8](repeating: 1, count: 300_000), [UInt8](repeating: 2, count: 300_000))
        async let one = disk.write(first, in: 999)
        async let two = disk.write(second, in: 1_001)
        let digests = try await [one, two]
        #expect(disk.names().count == 2)
        try await disk.storage.remove(disk.file, digest: digests[1])
        let open = try await disk.storage.open(disk.file, digest: digests[0])
        #expect(Array(try await open.read(at: 0, upTo: 300_000).readableBytesView) == first)
        #expect(disk.names().count == 1)
    }
}

/// A file storage in a folder of its own, with one file.
private final class Disk: Sendable {
    let root = FileManager.default.temporaryDirectory.appendingPathComponent("roost-files-\(UUID().uuidString)")
    let storage: FileStorage
    let file = FileID(at: .example, entropy: (1, 2))

    init(free: Int64 = 0) throws {
        storage = FileStorage(root: root.path, freeByteCount: free)
    }

    deinit { try? FileManager.default.removeItem(at: root) }

    /// Writes bytes that come in pieces.
    @discardableResult
    func write(_ bytes: [UInt8], in pieces: Int, announced: Int64? = nil) async throws -> [UInt8] {
        let body = AsyncStream<ByteBuffer> { continuation in
            for start in stride(from: 0, to: bytes.count, by: pieces) {
                continuation.yield(ByteBuffer(bytes: bytes[start..<min(start + pieces, bytes.count)]))
            }
            continuation.finish()
        }
        return try await storage.write(body, as: file, byteCount: announced ?? Int64(bytes.count))
    }

    /// The names of all files below the root.
    func names() -> [String] {
        let all = FileManager.default.enumerator(at: root, includingPropertiesForKeys: [.isDirectoryKey])
        return (all?.compactMap { $0 as? URL } ?? []).filter { !$0.hasDirectoryPath }.map(\.lastPathComponent)
    }
}
