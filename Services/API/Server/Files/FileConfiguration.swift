import Contracts
package import ServiceKit

/// Where files lie, and how much there may be of them.
package struct FileConfiguration: Sendable {
    /// A folder that all instances of the API share.
    package let root: String
    /// Bytes of a file that a person uploads, of a recording, of all files of a workspace, and of the disk that stay free.
    let fileByteCount: Int64
    let recordingByteCount: Int64
    let workspaceByteCount: Int64
    let freeByteCount: Int64

    package init(_ settings: Settings) throws(SettingsError) {
        root = settings.optional("ROOST_API_FILES") ?? "files"
        fileByteCount = try settings.megabytes("ROOST_FILE_MEGABYTES", default: Limits.fileByteCount)
        recordingByteCount = try settings.megabytes("ROOST_RECORDING_MEGABYTES", default: Limits.recordingByteCount)
        workspaceByteCount = try settings.megabytes(
            "ROOST_WORKSPACE_FILES_MEGABYTES", default: Limits.workspaceFileByteCount)
        freeByteCount = try settings.megabytes("ROOST_FREE_DISK_MEGABYTES", default: Limits.freeDiskByteCount)
    }
}

extension Settings {
    /// Bytes, from a number of megabytes.
    fileprivate func megabytes(_ name: String, default value: Int64) throws(SettingsError) -> Int64 {
        Int64(try integer(name, default: Int(value / 1_000_000), in: 0...1_000_000_000)) * 1_000_000
    }
}
