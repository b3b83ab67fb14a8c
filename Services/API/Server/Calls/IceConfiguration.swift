import APIDomain
package import Contracts
import Crypto
import Foundation
package import ServiceKit

/// The STUN and TURN servers of this installation, from `ROOST_TURN_URLS` and `ROOST_TURN_SECRET`.
package struct IceConfiguration: Sendable {
    private let addresses: IceAddresses
    private let secret: SymmetricKey

    package init(_ settings: Settings) throws(SettingsError) {
        let urls = settings.list("ROOST_TURN_URLS")
        guard let addresses = IceAddresses(urls: urls) else {
            throw .invalid(
                name: "ROOST_TURN_URLS", value: urls.joined(separator: ","),
                expected: "addresses such as turn:turn.example.org:3478?transport=udp, separated by commas")
        }
        self.addresses = addresses
        let text =
            addresses.turn.isEmpty
            ? ""
            : try settings.required("ROOST_TURN_SECRET", "the secret that the TURN server knows as static-auth-secret")
        secret = SymmetricKey(data: Data(text.utf8))
    }

    /// What a user's peer connection is told, with a TURN credential that ends after ``Limits/turnCredentialLifetime``. The
    /// TURN server checks it by the shared secret alone (draft-uberti-behave-turn-rest-00 §2.2): the name is the end in
    /// Unix seconds, a colon and the user, the credential its HMAC-SHA1 in Base64.
    package func servers(for user: UserID, now: Timestamp) -> [IceServer] {
        let end = (now + Limits.turnCredentialLifetime).milliseconds / 1000
        let username = "\(end):\(user)"
        let code = HMAC<Insecure.SHA1>.authenticationCode(for: Data(username.utf8), using: secret)
        return addresses.servers(username: username, credential: Data(code).base64EncodedString())
    }
}
