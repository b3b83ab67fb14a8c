package import Postgres

/// The schema's history, embedded in the binary, so that a service and its migrations cannot be of different versions.
package enum Migrations {
    package static let all: [Migration] = [
        Migration(
            number: 1, name: "accounts_spaces_messages",
            sql: text(PackageResources._001_accounts_spaces_messages_sql)),
        Migration(number: 2, name: "calls", sql: text(PackageResources._002_calls_sql)),
        Migration(number: 3, name: "unread", sql: text(PackageResources._003_unread_sql)),
        Migration(number: 4, name: "rings", sql: text(PackageResources._004_rings_sql)),
        Migration(number: 5, name: "moderation", sql: text(PackageResources._005_moderation_sql)),
        Migration(number: 6, name: "files", sql: text(PackageResources._006_files_sql)),
        Migration(number: 7, name: "call_log", sql: text(PackageResources._007_call_log_sql)),
    ]

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
