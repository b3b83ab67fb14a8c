package import Contracts
import Postgres

extension EntityID: PostgresEncodable, PostgresDecodable {
    package var postgresText: String? { description }
    package init?(postgresText: String) { self.init(postgresText) }
}

extension Timestamp: PostgresEncodable, PostgresDecodable {
    package var postgresText: String? { description }
    package init?(postgresText: String) { self.init(postgresText) }
}

extension ChannelKind: PostgresEncodable, PostgresDecodable {}
extension ChannelVisibility: PostgresEncodable, PostgresDecodable {}
extension WorkspaceRole: PostgresEncodable, PostgresDecodable {}
extension MentionAudience: PostgresEncodable, PostgresDecodable {}
extension MessageNotice: PostgresEncodable, PostgresDecodable {}
extension CallSource: PostgresEncodable, PostgresDecodable {}
extension RingOutcome: PostgresEncodable, PostgresDecodable {}
extension StreamKind: PostgresEncodable, PostgresDecodable {}
extension EventName: PostgresEncodable, PostgresDecodable {}

extension PostgresRow {
    /// The stream named by the columns `kind` and `stream_id`.
    func stream() throws -> StreamID {
        let kind: StreamKind = try decode("kind")
        let entity: String = try decode("stream_id")
        guard let stream = StreamID(kind: kind, entity: entity) else {
            throw PostgresError.decoding(column: "stream_id", expected: "a UUID", found: entity)
        }
        return stream
    }

    /// A cursor from the columns `kind`, `stream_id` and `seq`.
    func cursor() throws -> Cursor { Cursor(stream: try stream(), seq: try decode("seq")) }
}
