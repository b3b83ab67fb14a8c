package import Contracts

/// The tokens of one session. A refresh token works once, so all who find the access token expired wait for one renewal.
package actor Credentials {
    private let api: RoostAPI
    private var signedIn: SignedIn
    private var renewal: Task<SignedIn, any Error>?

    /// - Parameter api: without credentials of its own.
    package init(_ signedIn: SignedIn, api: RoostAPI) {
        self.signedIn = signedIn
        self.api = api
    }

    /// The access token as it is; it may have expired.
    package var token: String { signedIn.accessToken }

    package var userID: UserID { signedIn.user.id }

    /// Renews the token unless somebody has: returns when there is another one than `expired`.
    /// - Throws: ``ProblemError`` when the session has ended; the network's error when nothing is known.
    package func refresh(expired: String) async throws {
        guard signedIn.accessToken == expired else { return }
        let task =
            renewal
            ?? Task { [api, signedIn] in
                try await api.call(Endpoints.refresh, body: RefreshRequest(refreshToken: signedIn.refreshToken))
            }
        renewal = task
        defer { if renewal == task { renewal = nil } }
        let renewed = try await task.value
        // Another caller, resumed first, has stored it already.
        if signedIn.accessToken == expired { signedIn = renewed }
    }
}
