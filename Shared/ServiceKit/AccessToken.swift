package import Contracts
package import JWTKit

/// The claims of an access token (RFC 7519 §4.1): who, in which session, for what, until when.
package struct AccessToken: JWTPayload, Equatable {
    /// The issuer of every token of this product.
    package static let issuer = "roost"
    /// The audience that the API and the gateway accept. Tokens for other purposes have another.
    package static let audience = "roost"

    package let userID: UserID
    package let sessionID: SessionID
    package let issuer: String
    package let audience: String
    package let issuedAt: Timestamp
    package let expiresAt: Timestamp

    package init(
        userID: UserID, sessionID: SessionID, issuer: String = AccessToken.issuer,
        audience: String = AccessToken.audience, issuedAt: Timestamp, expiresAt: Timestamp
    ) {
        self.userID = userID
        self.sessionID = sessionID
        self.issuer = issuer
        self.audience = audience
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
    }

    private enum CodingKeys: String, CodingKey {
        case sub, sid, iss, aud, iat, exp
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        userID = try container.decode(UserID.self, forKey: .sub)
        sessionID = try container.decode(SessionID.self, forKey: .sid)
        issuer = try container.decode(String.self, forKey: .iss)
        audience = try container.decode(String.self, forKey: .aud)
        issuedAt = Timestamp(milliseconds: try container.decode(Int64.self, forKey: .iat) * 1000)
        expiresAt = Timestamp(milliseconds: try container.decode(Int64.self, forKey: .exp) * 1000)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(userID, forKey: .sub)
        try container.encode(sessionID, forKey: .sid)
        try container.encode(issuer, forKey: .iss)
        try container.encode(audience, forKey: .aud)
        try container.encode(issuedAt.milliseconds / 1000, forKey: .iat)
        try container.encode(expiresAt.milliseconds / 1000, forKey: .exp)
    }

    /// The claims are checked by ``TokenVerifier`` against a time it is given, not by the signature check.
    package func verify(using algorithm: some JWTAlgorithm) throws {}
}

/// Why a token is not accepted.
package enum TokenError: Error, Equatable {
    /// Not a token, not signed by us, or not meant for this service.
    case invalid
    case expired
}
