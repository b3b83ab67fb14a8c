/// Why a request failed: stable words that programs may branch on. Part of every problem document (RFC 9457) and of
/// failures on the bus.
package enum ErrorCode: String, WireEnum {
    case malformedRequest = "malformed_request"
    case validationFailed = "validation_failed"
    case unauthenticated
    case tokenExpired = "token_expired"
    case invalidCredentials = "invalid_credentials"
    case sessionRevoked = "session_revoked"
    case refreshTokenReused = "refresh_token_reused"
    case forbidden
    case notFound = "not_found"
    case methodNotAllowed = "method_not_allowed"
    case emailTaken = "email_taken"
    case usernameTaken = "username_taken"
    case nameTaken = "name_taken"
    case inviteInvalid = "invite_invalid"
    case conflict
    case preconditionFailed = "precondition_failed"
    case preconditionRequired = "precondition_required"
    case bodyTooLarge = "body_too_large"
    case unsupportedMediaType = "unsupported_media_type"
    case quotaExceeded = "quota_exceeded"
    case storageFull = "storage_full"
    case rateLimited = "rate_limited"
    case muted
    case internalError = "internal_error"
    case unavailable
    case timedOut = "timed_out"

    /// The HTTP status it is answered with (RFC 9110 §15).
    package var httpStatus: Int {
        switch self {
        case .malformedRequest: 400
        case .unauthenticated, .tokenExpired, .invalidCredentials, .sessionRevoked, .refreshTokenReused: 401
        case .forbidden: 403
        case .notFound, .inviteInvalid: 404
        case .methodNotAllowed: 405
        case .emailTaken, .usernameTaken, .nameTaken, .conflict, .quotaExceeded: 409
        case .preconditionFailed: 412
        case .bodyTooLarge: 413
        case .unsupportedMediaType: 415
        case .validationFailed: 422
        case .preconditionRequired: 428
        case .rateLimited, .muted: 429
        case .internalError: 500
        case .unavailable: 503
        case .timedOut: 504
        case .storageFull: 507
        }
    }

    /// A short title that does not change from case to case.
    package var title: String {
        switch self {
        case .malformedRequest: "The request could not be read"
        case .validationFailed: "A field is not acceptable"
        case .unauthenticated: "Sign in first"
        case .tokenExpired: "The access token has expired"
        case .invalidCredentials: "The name or the password is wrong"
        case .sessionRevoked: "This session has ended"
        case .refreshTokenReused: "This refresh token was used before"
        case .forbidden: "You may not do this"
        case .notFound: "There is no such thing, or you may not see it"
        case .methodNotAllowed: "This address does not take that method"
        case .emailTaken: "The e-mail address is taken"
        case .usernameTaken: "The user name is taken"
        case .nameTaken: "The name is taken"
        case .inviteInvalid: "The invite does not exist or has ended"
        case .conflict: "The request does not fit the present state"
        case .preconditionFailed: "The state is not the one that was expected"
        case .preconditionRequired: "Say which state is expected"
        case .bodyTooLarge: "The request is too large"
        case .unsupportedMediaType: "The body is of another media type"
        case .quotaExceeded: "The workspace has no room left for files"
        case .storageFull: "The server has no room left for files"
        case .rateLimited: "Too many requests"
        case .muted: "You are muted for a moment"
        case .internalError: "Something went wrong on our side"
        case .unavailable: "The service is busy or starting"
        case .timedOut: "The answer took too long"
        }
    }
}

/// Why a gateway closed a WebSocket (RFC 6455 §7.4.2: private codes 4000–4999). The range tells the client what to do.
package enum CloseCode: Int, CaseIterable, Sendable {
    // 4000–4099: connect again, to any gateway, with the cursors.
    case goingAway = 4000
    case heartbeatTimeout = 4001
    case tooSlow = 4002
    case unavailable = 4003
    /// The count has those of a client that moves, or of a gateway that has died, for a while: it is worth trying again.
    case tooManyConnections = 4004
    // 4100–4199: get a new access token, then connect again.
    case tokenExpired = 4100
    // 4200–4299: sign in again.
    case unauthenticated = 4200
    case sessionRevoked = 4201
    // 4300–4399: the client is wrong; connecting again the same way will fail again.
    case malformedFrame = 4300
    case identifyTimeout = 4301
    case alreadyIdentified = 4302
    case frameTooLarge = 4303
    case tooManyFrames = 4304

    /// What a client does next.
    package enum Action: String, WireEnum {
        case resume
        case refresh
        case signIn
        case stop
    }

    package var action: Action {
        switch rawValue {
        case 4000..<4100: .resume
        case 4100..<4200: .refresh
        case 4200..<4300: .signIn
        default: .stop
        }
    }

    /// The reason sent with the close frame.
    package var reason: String {
        switch self {
        case .goingAway: "this gateway is going away, connect to another"
        case .heartbeatTimeout: "no heartbeat arrived in time"
        case .tooSlow: "the connection reads more slowly than events arrive"
        case .unavailable: "the service could not answer, try again"
        case .tokenExpired: "the access token has expired"
        case .unauthenticated: "the access token is not valid here"
        case .sessionRevoked: "the session has ended"
        case .malformedFrame: "the frame is not a known JSON object"
        case .identifyTimeout: "identify did not arrive in time"
        case .alreadyIdentified: "identify was sent twice"
        case .frameTooLarge: "the frame is too large"
        case .tooManyFrames: "too many frames in a short time"
        case .tooManyConnections: "too many connections of this person or from this address"
        }
    }
}
