/// Reads a file that ``MatroskaWriter`` began and nobody ended, up to its last whole block, so that it can be ended: what a
/// crash leaves. Headers are read, frames are skipped, so that a file of gigabytes costs no memory.
package struct MatroskaScan: Sendable {
    private(set) var layout = MatroskaLayout()
    /// Whether the file has its end already.
    package private(set) var isComplete = false

    /// The end of the last whole block: what follows is worthless.
    package var byteCount: Int64 { layout.byteCount }
    /// Whether there is anything to play.
    package private(set) var hasFrames = false
    package var duration: Duration { .milliseconds(layout.lastTime + layout.lastDuration) }

    /// What to append behind ``byteCount``, and to write over, so that the file is whole.
    package func ending() -> (index: [UInt8], patches: [(offset: Int64, bytes: [UInt8])]) {
        let (index, patches) = layout.ending()
        return (index, patches.map { ($0.offset, $0.bytes) })
    }

    /// - Parameters:
    ///   - byteCount: of the file.
    ///   - read: gives so many bytes at an offset, or fewer at the file's end.
    /// - Returns: `nil` for what has no whole header of such a file.
    package init?(byteCount: Int64, read: @escaping (_ offset: Int64, _ count: Int) -> [UInt8]) {
        var cursor = Cursor(end: byteCount, read: read)
        guard let ebml = cursor.element(), ebml.id == MatroskaID.ebml.rawValue, let size = ebml.size else { return nil }
        cursor.offset = ebml.content + size
        guard let segment = cursor.element(), segment.id == MatroskaID.segment.rawValue else { return nil }
        layout.segmentSizeOffset = segment.content - 8
        cursor.offset = segment.content
        guard readHeader(&cursor) else { return nil }
        isComplete = segment.size.map { segment.content + $0 == byteCount } ?? false
        readClusters(&cursor)
    }

    /// Everything before the first cluster.
    private mutating func readHeader(_ cursor: inout Cursor) -> Bool {
        while let element = cursor.element(), let size = element.size {
            let position = element.start - layout.segmentContentOffset
            switch MatroskaID(rawValue: element.id) {
            case .void, .seekHead: if layout.seekHeadOffset == 0 { layout.seekHeadOffset = element.start }
            case .info:
                layout.infoPosition = position
                layout.durationOffset = element.content + size - 8
            case .tracks:
                guard element.content + size <= cursor.end else { return false }
                layout.tracksPosition = position
                layout.byteCount = element.content + size
                cursor.offset = element.content + size
                return layout.seekHeadOffset > 0 && layout.durationOffset > 0
            default: return false
            }
            cursor.offset = element.content + size
        }
        return false
    }

    private mutating func readClusters(_ cursor: inout Cursor) {
        // A cluster counts from its first whole block on: until then it may be cut off.
        var (sizeOffset, time) = (Int64(0), Int64(0))
        while let element = cursor.element() {
            guard let id = MatroskaID(rawValue: element.id) else { return }
            switch id {
            case .cluster:
                sizeOffset = element.content - 8
                cursor.offset = element.content
            case .timestamp:
                guard let size = element.size, element.content + size <= cursor.end, size <= 8 else { return }
                time = cursor.bytes(at: element.content, Int(size)).reduce(0) { $0 << 8 | Int64($1) }
                cursor.offset = element.content + size
            case .simpleBlock:
                guard let size = element.size, size >= 4, element.content + size <= cursor.end else { return }
                (layout.clusterSizeOffset, layout.clusterTime) = (sizeOffset, time)
                noteBlock(cursor.bytes(at: element.content, 4))
                cursor.offset = element.content + size
                layout.byteCount = cursor.offset
            default: return
            }
        }
    }

    private mutating func noteBlock(_ head: [UInt8]) {
        let time = layout.clusterTime + Int64(Int16(bitPattern: UInt16(head[1]) << 8 | UInt16(head[2])))
        hasFrames = true
        if time > layout.lastTime { layout.lastDuration = time - layout.lastTime }
        layout.lastTime = time
        guard let clusterSizeOffset = layout.clusterSizeOffset else { return }
        // A cluster's id is four bytes long.
        let position = clusterSizeOffset - 4 - layout.segmentContentOffset
        guard head[3] & 0x80 != 0, layout.cues.last?.clusterPosition != position else { return }
        layout.cues.append(.init(time: time, clusterPosition: position))
    }
}

/// A place in a file, and the header of the element there.
private struct Cursor {
    struct Element {
        let id: UInt32
        let start: Int64
        /// Where its content begins.
        let content: Int64
        /// `nil` if it is unknown.
        let size: Int64?
    }

    let end: Int64
    var offset: Int64 = 0
    private let read: (Int64, Int) -> [UInt8]

    init(end: Int64, read: @escaping (Int64, Int) -> [UInt8]) {
        self.end = end
        self.read = read
    }

    func bytes(at offset: Int64, _ count: Int) -> [UInt8] { read(offset, count) }

    /// `nil` at the end, or where there is no whole header.
    func element() -> Element? {
        // An id of four bytes and a size of eight at most.
        let head = read(offset, 12)
        guard let first = head.first, first >= 0x10 else { return nil }
        let idCount = first.leadingZeroBitCount + 1
        guard head.count > idCount, head[idCount] > 0 else { return nil }
        let sizeCount = head[idCount].leadingZeroBitCount + 1
        guard head.count >= idCount + sizeCount else { return nil }
        let id = head[..<idCount].reduce(0) { $0 << 8 | UInt32($1) }
        let field = head[idCount..<(idCount + sizeCount)].reduce(0) { $0 << 8 | UInt64($1) }
        let mask = UInt64(1) << UInt64(7 * sizeCount) - 1
        let size = field & mask == mask ? nil : Int64(field & mask)
        return Element(id: id, start: offset, content: offset + Int64(idCount + sizeCount), size: size)
    }
}
