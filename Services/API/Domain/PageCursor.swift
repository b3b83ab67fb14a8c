package import Contracts

/// An opaque place in a list: what a client was given and gives back unread.
package enum PageCursor {
    /// A place among messages.
    package static func encode(_ seq: StreamSequence) -> String { "m" + String(seq, radix: 36) }

    package static func messageSeq(
        _ text: (some StringProtocol)?, field: String
    ) throws(APIError) -> StreamSequence? {
        guard let text else { return nil }
        guard text.first == "m", let seq = StreamSequence(text.dropFirst(), radix: 36), seq >= 0 else {
            throw invalid(field)
        }
        return seq
    }

    /// A place among people.
    package static func encode(_ user: UserID) -> String { "u" + user.description }

    package static func user(_ text: (some StringProtocol)?, field: String) throws(APIError) -> UserID? {
        guard let text else { return nil }
        guard text.first == "u", let user = UserID(text.dropFirst()) else { throw invalid(field) }
        return user
    }

    /// A place among the past calls of a channel.
    package static func encode(_ call: CallID) -> String { "c" + call.description }

    package static func call(_ text: (some StringProtocol)?, field: String) throws(APIError) -> CallID? {
        guard let text else { return nil }
        guard text.first == "c", let call = CallID(text.dropFirst()) else { throw invalid(field) }
        return call
    }

    private static func invalid(_ field: String) -> APIError {
        APIError(.validationFailed, "\(field) must be a cursor that an earlier page gave.", field: field)
    }
}
