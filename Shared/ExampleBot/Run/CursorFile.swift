import Contracts
import Foundation

/// Where the bot stands, on disk: written whole or not at all, so that a crash at any moment leaves the last state.
struct CursorFile {
    let path: String

    /// What the last run left; `nil` for the first one.
    /// - Throws: when there is a file that cannot be read: starting anew in silence would skip what was missed.
    func load() throws -> [Cursor]? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        return try JSONDecoder().decode([Cursor].self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }

    func save(_ cursors: [Cursor]) throws {
        try JSONEncoder().encode(cursors).write(to: URL(fileURLWithPath: path), options: .atomic)
    }
}
