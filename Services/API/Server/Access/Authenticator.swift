import APIDomain
import Contracts
import ServiceKit

/// Who makes a request, in which session.
struct Principal: Sendable {
    let userID: UserID
    let sessionID: SessionID
}

/// Turns an `Authorization` header into a principal.
struct Authenticator: Sendable {
    let verifier: TokenVerifier
    let sessions: SessionStore

    /// Checks the token alone; for an action that checks the session in a round trip it makes anyway.
    func verify(authorization: String?) async throws -> Principal {
        guard let authorization, authorization.hasPrefix("Bearer ") else {
            throw APIError(.unauthenticated, "Send the access token: Authorization: Bearer <token>.")
        }
        do throws(TokenError) {
            let claims = try await verifier.verify(String(authorization.dropFirst(7)), now: .now)
            return Principal(userID: claims.userID, sessionID: claims.sessionID)
        } catch {
            switch error {
            case .expired: throw APIError(.tokenExpired, "Refresh the token, then ask again.")
            case .invalid: throw APIError(.unauthenticated, "The access token is not valid here. Sign in again.")
            }
        }
    }

    /// Checks the token and that its session still lives.
    func authenticate(authorization: String?) async throws -> Principal {
        let principal = try await verify(authorization: authorization)
        guard try await sessions.isLive(principal.sessionID) else { throw Self.sessionEnded }
        return principal
    }

    static let sessionEnded = APIError(.sessionRevoked, "This session has ended. Sign in again.")
}
