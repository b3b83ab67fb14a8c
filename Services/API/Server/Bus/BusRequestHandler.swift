import APIDomain
package import Contracts
import Logging
package import NIOCore
import Postgres
package import RedisBus
import ServiceKit

/// What other services ask of the API over the bus. Every request is idempotent and re-checks access.
package struct BusRequestHandler: Sendable {
    private let services: APIServices

    package init(services: APIServices) {
        self.services = services
    }

    package func handle(_ kind: BusRequestKind, _ body: ByteBuffer) async -> Result<ByteBuffer, BusFailure> {
        do {
            switch kind {
            case .identify: return .success(try await identify(decode(body)))
            case .replay: return .success(try await replay(decode(body)))
            case .keys: return .success(ByteBuffer(bytes: services.tokens.jwks))
            }
        } catch let error as APIError {
            return .failure(BusFailure(error.code, error.detail ?? error.code.title))
        } catch let error as PostgresError {
            services.logger.warning("bus request failed", metadata: ["kind": "\(kind)", "error": "\(error)"])
            return .failure(BusFailure(.unavailable, "the database did not answer"))
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

    private func identify(_ request: IdentifyRequest) async throws -> ByteBuffer {
        let results = try await services.database.snapshot([
            Statement(
                """
                SELECT u.id AS user_id, u.username, u.display_name FROM users u JOIN sessions s ON s.user_id = u.id
                WHERE u.id = $1 AND s.id = $2 AND s.revoked_at IS NULL AND s.expires_at > now()
                """, request.userID, request.sessionID),
            EventReader.heads(of: request.userID),
        ])
        guard let row = results[0].first else { throw Authenticator.sessionEnded }
        let reply = IdentifyReply(user: try User(row: row), heads: try results[1].map { try $0.cursor() })
        return ByteBuffer(bytes: try WireJSON.encode(reply))
    }

    private func replay(_ request: ReplayRequest) async throws -> ByteBuffer {
        guard request.cursors.count <= Limits.cursorsPerIdentify else {
            throw APIError(.validationFailed, "A replay has at most \(Limits.cursorsPerIdentify) cursors.")
        }
        let (reply, events) = try await EventReader(database: services.database).replay(
            for: request.userID, after: request.cursors)
        var buffer = ByteBuffer(bytes: try WireJSON.encode(reply))
        buffer.writeInteger(UInt8(ascii: "\n"))
        for event in events {
            buffer.writeString(ReplayLine(stream: event.stream, envelope: event.envelope).header)
            buffer.writeInteger(UInt8(ascii: "\n"))
            buffer.writeBytes(try WireJSON.encode(event))
            buffer.writeInteger(UInt8(ascii: "\n"))
        }
        return buffer
    }
}
