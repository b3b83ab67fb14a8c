package import Contracts
import Foundation
import Glibc
import NIOHTTP1
import ServiceKit

extension TestUser {
    /// Reserves room for a file.
    package func reserve(
        _ byteCount: Int, name: String = "file.bin", mediaType: String = "application/octet-stream", width: Int? = nil,
        in channel: ChannelID
    ) async throws -> FileUpload {
        try await api.call(
            Endpoints.createFile, path: [channel],
            body: CreateFileRequest(
                name: name, mediaType: mediaType, byteCount: Int64(byteCount), width: width,
                height: width.map { $0 * 2 }))
    }

    /// Uploads a file in whole.
    @discardableResult
    package func upload(
        _ bytes: [UInt8], name: String, mediaType: String = "application/octet-stream", width: Int? = nil,
        in channel: ChannelID
    ) async throws -> Attachment {
        let upload = try await reserve(bytes.count, name: name, mediaType: mediaType, width: width, in: channel)
        let answer = try await upload.put(bytes, at: stack.url)
        guard answer.status == 200 else { throw try answer.problem() }
        return try answer.decode()
    }

    /// Sends a message with files that were uploaded.
    @discardableResult
    package func send(
        _ content: String = "", attaching files: [FileID], in channel: ChannelID
    ) async throws -> Message {
        try await api.call(
            Endpoints.sendMessage, path: [channel],
            body: SendMessageRequest(content: content, idempotencyKey: uniqueName("key-"), attachments: files))
    }

    package func links(_ files: [FileID], in channel: ChannelID) async throws -> [FileLink] {
        try await api.call(
            Endpoints.createFileLinks, path: [channel], body: CreateFileLinksRequest(fileIDs: files)
        ).links
    }
}

extension FileUpload {
    /// Uploads bytes to an API, by this link or another.
    package func put(_ bytes: [UInt8], at base: String, path: String? = nil) async throws -> APIClient.RawAnswer {
        try await APIClient(base: base).send(
            method: "PUT", path ?? uploadURL, body: bytes, headers: ["Content-Type": "application/octet-stream"])
    }

    /// Uploads so many bytes without saying beforehand how many; the status of the answer.
    package func putInChunks(_ count: Int, at base: String) async throws -> Int {
        let status = try await Command.run(
            "/usr/bin/curl",
            [
                "-s", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code}", "-X", "PUT", "-H",
                "Content-Type: application/octet-stream", "-H", "Transfer-Encoding: chunked", "--data-binary",
                String(repeating: "x", count: count), base + uploadURL,
            ])
        guard let status = Int(status) else { throw Timeout("curl printed \(status)") }
        return status
    }

    /// Begins to upload and closes the connection after so many bytes.
    package func putAndCut(after count: Int, at base: String) async throws {
        guard let url = URL(string: base), let port = url.port else { throw Timeout("\(base) is no address") }
        let head =
            "PUT \(uploadURL) HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
            + "Content-Length: \(file.byteCount)\r\n\r\n"
        let bytes = Array(head.utf8) + [UInt8](repeating: 1, count: count)
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Timeout("no socket") }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw Timeout("\(base) does not accept") }
        var sent = 0
        while sent < bytes.count {
            let step = bytes[sent...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            guard step > 0 else { throw Timeout("\(base) closed first") }
            sent += step
        }
    }
}

extension Stack {
    /// The names of what lies on disk of a file.
    package func storedNames(of file: FileID) throws -> [String] {
        let name = file.description
        let folder = directory.appendingPathComponent("files/\(name.suffix(2))/\(name)")
        guard FileManager.default.fileExists(atPath: folder.path) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: folder.path)
    }
}

extension GatewayClient.State {
    /// A message as the last event about it shows it.
    package func message(_ id: MessageID) -> Message? {
        events.reversed().lazy.compactMap { frame -> Message? in
            switch frame.event {
            case .messageCreated(let message), .messageEdited(let message): message.id == id ? message : nil
            default: nil
            }
        }.first
    }
}
