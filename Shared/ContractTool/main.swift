// roost-contracts: writes the documents that are generated from Shared/Contracts, relative to the working directory.

import ContractDocuments
import Foundation

do {
    for file in try ContractDocuments().files {
        let url = URL(fileURLWithPath: file.path)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(file.text.utf8).write(to: url)
        print("contracts: wrote \(file.path)")
    }
} catch {
    FileHandle.standardError.write(Data("contracts: \(error)\n".utf8))
    exit(1)
}
