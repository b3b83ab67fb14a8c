import APIDomain
package import Contracts
import Crypto
import Foundation

/// Signs and verifies links to files: to one that uploads, and to one that reads. Each is bound to its use, its file and its
/// end. All API instances make and know the same ones, because their key comes from the key that signs tokens.
package struct FileLinkSigner: Sendable {
    /// What keeps this key apart from every other use of the signing key (RFC 5869 §3.2).
    private static let keyUse = Data("roost file links".utf8)

    private let key: SymmetricKey

    /// - Parameter pem: the EC P-256 private key that signs tokens.
    package init(pem: String) throws {
        let signing = try P256.Signing.PrivateKey(pemRepresentation: pem)
        key = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: signing.rawRepresentation), info: Self.keyUse, outputByteCount: 32)
    }

    /// Path and query by which exactly so many bytes of a file are uploaded until then.
    package func uploadPath(_ file: FileID, byteCount: Int64, expiresAt: Timestamp) -> String {
        let expires = expiresAt.milliseconds / 1000
        let signature = code(of: Self.upload(file, byteCount, expires))
        return "/api/v1/files/\(file)/content?bytes=\(byteCount)&expires=\(expires)&signature=\(signature)"
    }

    /// Whether a link to upload was signed here and has not ended.
    package func isUpload(
        _ file: FileID, byteCount: Int64, expires: Int64, signature: some StringProtocol, now: Timestamp
    ) -> Bool {
        now.milliseconds / 1000 < expires
            && isCode(signature, of: Self.upload(file, byteCount, expires))
    }

    /// Path and query by which a member reads a file until then.
    package func downloadPath(_ file: Attachment, member: UserID, expiresAt: Timestamp) -> String {
        let expires = expiresAt.milliseconds / 1000
        let signature = code(of: Self.download(file.id, member, expires))
        return "/files/\(file.id)/\(FilePresentation.encoded(file.name))"
            + "?member=\(member)&expires=\(expires)&signature=\(signature)"
    }

    /// Whether a link to read was signed here and has not ended. Whether the member may still see the file is for the
    /// caller to check.
    package func isDownload(
        _ file: FileID, member: UserID, expires: Int64, signature: some StringProtocol, now: Timestamp
    ) -> Bool {
        now.milliseconds / 1000 < expires
            && isCode(signature, of: Self.download(file, member, expires))
    }

    /// When a link that is asked for now ends: at a whole multiple of its life, so that a member who asks again gets the
    /// same link and the browser finds what it has loaded.
    package static func linkEnd(now: Timestamp) -> Timestamp {
        let life = Limits.fileLinkLifetime.components.seconds * 1000
        return Timestamp(milliseconds: (now.milliseconds / life + 2) * life)
    }

    private static func upload(_ file: FileID, _ byteCount: Int64, _ expires: Int64) -> String {
        "upload \(file) \(byteCount) \(expires)"
    }

    private static func download(_ file: FileID, _ member: UserID, _ expires: Int64) -> String {
        "download \(file) \(member) \(expires)"
    }

    private func code(of text: String) -> String {
        let code = HMAC<SHA256>.authenticationCode(for: Data(text.utf8), using: key)
        return base64URL(Data(code).base64EncodedString())
    }

    /// Compares in constant time.
    private func isCode(_ signature: some StringProtocol, of text: String) -> Bool {
        let base64 = String(signature).replacing("-", with: "+").replacing("_", with: "/") + "="
        guard let code = Data(base64Encoded: base64) else { return false }
        return HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: Data(text.utf8), using: key)
    }
}
