import APIDomain
import CCrypt
import Contracts
import Glibc
import NIOCore
import NIOPosix
import ServiceKit
import Synchronization

/// Hashes and checks passwords with libcrypt, on threads of its own: one hash costs tens of milliseconds of CPU, which
/// neither an event loop nor the cooperative pool can spare. The queue before the threads is bounded.
package final class PasswordHasher: Sendable {
    /// How new passwords are hashed. Stored ones are checked with whatever they were hashed with.
    package enum Method: String, CaseIterable, Sendable {
        /// `$y$`, memory-hard, libcrypt's default cost.
        case yescrypt
        /// `$2b$`, cost 12.
        case bcrypt

        fileprivate var prefix: String { self == .yescrypt ? "$y$" : "$2b$" }
        fileprivate var cost: UInt { self == .yescrypt ? 0 : 12 }
    }

    private let method: Method
    private let threads: NIOThreadPool
    private let waitingCount = Atomic<Int>(0)

    package init(method: Method, threadCount: Int = max(1, System.coreCount / 2)) {
        self.method = method
        threads = NIOThreadPool(numberOfThreads: threadCount)
        threads.start()
    }

    /// The modular-crypt text to store for a new password.
    /// - Throws: `unavailable` when too many passwords wait.
    package func hash(_ password: String) async throws -> String {
        if method == .bcrypt, password.utf8.count > Limits.bcryptPasswordByteCount {
            throw APIError(
                .validationFailed, "A password has at most \(Limits.bcryptPasswordByteCount) bytes here.",
                field: "password")
        }
        let method = self.method
        return try await onThread {
            try crypt(password, setting: newSetting(method))
        }
    }

    /// Whether a password is the one that was stored. `stored` nil takes the same time and is false, so that an
    /// unknown account cannot be told from a wrong password by the clock.
    package func verify(_ password: String, stored: String?) async throws -> Bool {
        let method = self.method
        return try await onThread {
            let setting = try stored ?? newSetting(method)
            // crypt reads up to a NUL, and bcrypt up to its 72nd byte; no stored password goes beyond either.
            let isCut =
                password.utf8.contains(0) || password.utf8.count > Limits.passwordByteCount
                || setting.hasPrefix("$2") && password.utf8.count > Limits.bcryptPasswordByteCount
            let computed = try crypt(isCut ? "" : password, setting: setting)
            return stored != nil && !isCut && constantTimeEqual(computed, setting)
        }
    }

    private func onThread<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
        let waiting = waitingCount.add(1, ordering: .relaxed).newValue
        defer { waitingCount.subtract(1, ordering: .relaxed) }
        guard waiting <= Limits.passwordQueueCount else {
            throw APIError(
                .unavailable, "Too many people are signing in at once. Try again in a moment.", retryAfter: .seconds(2))
        }
        return try await threads.runIfActive(work)
    }
}

private struct CryptError: Error {}

/// A setting string with a fresh salt (crypt_gensalt(3)).
private func newSetting(_ method: PasswordHasher.Method) throws -> String {
    let entropy = randomBytes(16).map { CChar(bitPattern: $0) }
    var output = [CChar](repeating: 0, count: Int(CRYPT_GENSALT_OUTPUT_SIZE))
    guard
        crypt_gensalt_rn(
            method.prefix, method.cost, entropy, Int32(entropy.count), &output, Int32(output.count)) != nil
    else { throw CryptError() }
    return text(output)
}

/// `crypt_r(3)`. Its 32 KB of scratch space are allocated for the call and cleared after it.
private func crypt(_ password: String, setting: String) throws -> String {
    let scratch = UnsafeMutablePointer<crypt_data>.allocate(capacity: 1)
    scratch.initialize(to: crypt_data())
    defer {
        explicit_bzero(scratch, MemoryLayout<crypt_data>.size)
        scratch.deallocate()
    }
    // SAFETY: crypt_r answers a pointer into `scratch`, which lives until the text has been copied.
    guard let result = crypt_r(password, setting, scratch) else { throw CryptError() }
    let hash = String(cString: result)
    guard !hash.hasPrefix("*") else { throw CryptError() }
    return hash
}

private func text(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

private func constantTimeEqual(_ left: String, _ right: String) -> Bool {
    let left = Array(left.utf8)
    let right = Array(right.utf8)
    guard left.count == right.count else { return false }
    return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
}
