/// Where a refresh token travels: in the JSON body for programs, in an HttpOnly cookie for browsers.
package enum RefreshDelivery: String, WireEnum {
    case body
    case cookie
}

package struct RegisterRequest: WireObject {
    package static let summary = "Opens an account and signs in."
    package static var fields: [String: FieldRule] {
        [
            "email": FieldRule("Unique, case does not matter.", count: Limits.emailCount),
            "username": FieldRule("Unique, case does not matter.", pattern: Limits.usernamePattern),
            "displayName": FieldRule("Shown to others; the user name if absent.", count: Limits.displayNameCount),
            "password": FieldRule(count: Limits.passwordCount),
        ]
    }
    package let email: String
    package let username: String
    package let displayName: String?
    package let password: String
    package let refreshDelivery: RefreshDelivery?

    package init(
        email: String, username: String, displayName: String? = nil, password: String,
        refreshDelivery: RefreshDelivery? = nil
    ) {
        self.email = email
        self.username = username
        self.displayName = displayName
        self.password = password
        self.refreshDelivery = refreshDelivery
    }
}

package struct LoginRequest: WireObject {
    package static let summary = "Signs in with a password."
    package static var fields: [String: FieldRule] {
        ["login": FieldRule("The e-mail address or the user name.", count: 1...Limits.emailCount.upperBound)]
    }
    package let login: String
    package let password: String
    package let refreshDelivery: RefreshDelivery?

    package init(login: String, password: String, refreshDelivery: RefreshDelivery? = nil) {
        self.login = login
        self.password = password
        self.refreshDelivery = refreshDelivery
    }
}

package struct RefreshRequest: WireObject {
    package static let summary = "Trades a refresh token for new tokens. A browser sends the cookie and leaves it out."
    package static var fields: [String: FieldRule] {
        ["refreshToken": FieldRule("Single use: presenting one twice ends the session.")]
    }
    package let refreshToken: String?

    package init(refreshToken: String? = nil) {
        self.refreshToken = refreshToken
    }
}

package struct SignedIn: WireObject {
    package static let summary = "Tokens of a session, and whose it is."
    package static var fields: [String: FieldRule] {
        [
            "accessToken": FieldRule("A JWT for the Authorization header and for identify on the gateway."),
            "refreshToken": FieldRule("Absent when it was set as a cookie."),
        ]
    }
    package let user: CurrentUser
    package let sessionID: SessionID
    package let accessToken: String
    package let accessTokenExpiresAt: Timestamp
    package let refreshToken: String?

    package init(
        user: CurrentUser, sessionID: SessionID, accessToken: String, accessTokenExpiresAt: Timestamp,
        refreshToken: String?
    ) {
        self.user = user
        self.sessionID = sessionID
        self.accessToken = accessToken
        self.accessTokenExpiresAt = accessTokenExpiresAt
        self.refreshToken = refreshToken
    }
}

package struct Session: WireObject {
    package static let summary = "One sign-in on one device."
    package let id: SessionID
    package let createdAt: Timestamp
    package let lastUsedAt: Timestamp
    package let userAgent: String?
    package let isCurrent: Bool

    package init(id: SessionID, createdAt: Timestamp, lastUsedAt: Timestamp, userAgent: String?, isCurrent: Bool) {
        self.id = id
        self.createdAt = createdAt
        self.lastUsedAt = lastUsedAt
        self.userAgent = userAgent
        self.isCurrent = isCurrent
    }
}

package struct SessionList: WireObject {
    package static let summary = "The live sessions of the signed-in user, the newest first."
    package let sessions: [Session]

    package init(sessions: [Session]) { self.sessions = sessions }
}

package struct User: WireObject, Hashable {
    package static let summary = "A person as others see them."
    package let id: UserID
    package let username: String
    package let displayName: String

    package init(id: UserID, username: String, displayName: String) {
        self.id = id
        self.username = username
        self.displayName = displayName
    }
}

package struct CurrentUser: WireObject {
    package static let summary = "The signed-in person."
    package let id: UserID
    package let username: String
    package let displayName: String
    package let email: String
    package let createdAt: Timestamp

    package init(id: UserID, username: String, displayName: String, email: String, createdAt: Timestamp) {
        self.id = id
        self.username = username
        self.displayName = displayName
        self.email = email
        self.createdAt = createdAt
    }
}

package struct UpdateProfileRequest: WireObject {
    package static let summary = "Changes how others see the signed-in person."
    package static var fields: [String: FieldRule] { ["displayName": FieldRule(count: Limits.displayNameCount)] }
    package let displayName: String

    package init(displayName: String) { self.displayName = displayName }
}
