package import Contracts

/// Why a seat was refused, as its holder is told.
package struct SeatError: Error, Equatable {
    package let code: ErrorCode
    package let detail: String

    init(_ code: ErrorCode, _ detail: String) {
        self.code = code
        self.detail = detail
    }
}
