import APIDomain
package import Contracts
import Logging
package import NIOCore
import Postgres
package import RedisBus
import ServiceKit

/// What other services ask of the API over the bus. Every request is idempotent; for a user it re-checks access.
package struct BusRequestHandler: Sendable {
    private let services: APIServices

    package init(services: APIServices) {
        self.services = services
    }

    package func handle(_ kind: BusRequestKind, _ body: ByteBuffer) async -> Result<ByteBuffer, BusFailure> {
        do {
            switch kind {
            case .access: return .success(try await access(decode(body)))
            case .heads: return .success(try await heads(decode(body)))
            case .replay: return .success(try await replay(decode(body)))
            case .sendMessage:
                let reply = try await services.messageSender.answer(decode(body))
                return .success(ByteBuffer(bytes: try WireJSON.encode(reply)))
            case .history:
                return .success(try encode(try await DialectRequests(services: services).history(decode(body))))
            case .people:
                return .success(try encode(try await DialectRequests(services: services).people(decode(body))))
            case .roster:
                return .success(try encode(try await DialectRequests(services: services).roster(decode(body))))
            case .markRead:
                return .success(try encode(try await DialectRequests(services: services).markRead(decode(body))))
            case .keys: return .success(ByteBuffer(bytes: services.tokens.jwks))
            case .callGrant: return .success(try await callGrant(decode(body)))
            case .callReport: return .success(try await callReport(decode(body)))
            case .callRenew: return .success(try await callRenew(decode(body)))
            case .recordingUpload:
                let reply = try await RecordingPoster(services: services).upload(decode(body))
                return .success(ByteBuffer(bytes: try WireJSON.encode(reply)))
            case .recordingPost:
                try await RecordingPoster(services: services).post(decode(body))
                return .success(ByteBuffer(bytes: try WireJSON.encode(Empty())))
            case .seatJoin, .seatOffer, .seatUpdate, .seatView, .seatLeave, .seatIce, .seatModerate, .seatRemove,
                .seatFind, .seatNotice, .relayOpen, .relayTell, .recordingStart, .recordingStop:
                throw APIError(.malformedRequest, "An API has no seats: ask a media node, or tell a gateway.")
            }
        } catch let error as APIError {
            return .failure(BusFailure(error.code, error.detail ?? error.code.title))
        } catch let error as PostgresError {
            services.logger.warning("bus request failed", metadata: ["kind": "\(kind)", "error": "\(error)"])
            return .failure(BusFailure(.unavailable, "the database did not answer"))
        } catch let error as RedisError {
            services.logger.warning("bus request failed", metadata: ["kind": "\(kind)", "error": "\(error)"])
            return .failure(BusFailure(.unavailable, "Redis did not answer"))
        } catch {
            services.logger.error("bus request failed", metadata: ["kind": "\(kind)", "error": "\(error)"])
            return .failure(BusFailure(.internalError, "the request could not be served"))
        }
    }

    private func decode<Body: WireObject>(_ buffer: ByteBuffer) throws -> Body {
        do {
            return try WireJSON.decode(Body.self, from: buffer.readableBytesView)
        } catch {
            throw APIError(.malformedRequest, WireJSON.explanation(of: error).detail)
        }
    }

    private func encode(_ reply: some WireObject) throws -> ByteBuffer { ByteBuffer(bytes: try WireJSON.encode(reply)) }

    private func access(_ request: AccessRequest) async throws -> ByteBuffer {
        guard request.sessions.count <= Limits.identifyBatchCount else {
            throw APIError(.validationFailed, "Ask for at most \(Limits.identifyBatchCount) sessions at once.")
        }
        return ByteBuffer(bytes: try WireJSON.encode(try await AccessReader(services: services).read(request)))
    }

    private func heads(_ request: HeadsRequest) async throws -> ByteBuffer {
        guard request.streams.count <= Limits.headsPerRequest else {
            throw APIError(.validationFailed, "Ask for at most \(Limits.headsPerRequest) streams at once.")
        }
        let heads = try await EventReader(database: services.database).heads(of: request.streams)
        return ByteBuffer(bytes: try WireJSON.encode(HeadsReply(heads: heads)))
    }

    private func replay(_ request: ReplayRequest) async throws -> ByteBuffer {
        guard request.cursors.count <= Limits.cursorsPerIdentify else {
            throw APIError(.validationFailed, "A replay has at most \(Limits.cursorsPerIdentify) cursors.")
        }
        let (heads, events) = try await EventReader(database: services.database).replay(
            for: request.userID, after: request.cursors)
        var lines = ByteBuffer()
        var count = 0
        // Large events make a short page: at least one, and the rest with the next request.
        while count < events.count, lines.readableBytes < Limits.replayPageByteCount {
            let event = events[count]
            lines.writeString(ReplayLine(stream: event.stream, envelope: event.envelope).header)
            lines.writeInteger(UInt8(ascii: "\n"))
            lines.writeBytes(try WireJSON.encode(event))
            lines.writeInteger(UInt8(ascii: "\n"))
            count += 1
        }
        let reply = ReplayReply(cursors: request.cursors, heads: heads, events: events.prefix(count))
        var body = ByteBuffer(bytes: try WireJSON.encode(reply))
        body.writeInteger(UInt8(ascii: "\n"))
        body.writeBuffer(&lines)
        return body
    }

    // MARK: Calls

    private func callGrant(_ request: CallGrantRequest) async throws -> ByteBuffer {
        ByteBuffer(bytes: try WireJSON.encode(try await CallGranter(services: services).grant(request)))
    }

    private func callReport(_ report: CallReport) async throws -> ByteBuffer {
        let events = try await CallStore(database: services.database).apply(report)
        await services.publisher.publish(at: events)
        return ByteBuffer(bytes: try WireJSON.encode(Empty()))
    }

    private func callRenew(_ request: CallRenewRequest) async throws -> ByteBuffer {
        guard request.leases.count <= Limits.callLeasesPerRequest else {
            throw APIError(.validationFailed, "Renew at most \(Limits.callLeasesPerRequest) seats at once.")
        }
        let reply = try await CallStore(database: services.database).renew(request.leases)
        return ByteBuffer(bytes: try WireJSON.encode(reply))
    }
}
