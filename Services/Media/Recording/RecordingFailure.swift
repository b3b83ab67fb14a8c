package import Contracts
import Glibc

/// Why a recording's files cannot be written.
package struct RecordingFailure: Error, Equatable, CustomStringConvertible {
    package let action: String
    /// errno.
    package let code: Int32

    init(_ action: String, _ code: Int32 = errno) {
        self.action = action
        self.code = code
    }

    /// What participants are told.
    package var end: RecordingEnd { code == ENOSPC || code == EDQUOT ? .diskFull : .failed }

    package var description: String { "\(action): \(String(cString: strerror(code)))" }
}
