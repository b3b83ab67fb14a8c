package import Contracts

/// Writes one track as a file of Matroska or WebM (RFC 9559): what is appended can be played at once, and after a cut
/// anywhere behind the header. Pure: bytes to append and to write over come out.
///
/// | part | written |
/// |---|---|
/// | EBML header, segment of unknown size, place for the seek head, info, tracks | first |
/// | clusters of unknown size: a new one for each key frame, or after ``clusterDuration`` | as frames come |
/// | cues; then sizes, duration and seek head over their places | at the end |
package struct MatroskaWriter: Sendable {
    /// A cluster is no longer than this: players seek to clusters.
    package static let clusterDuration = Duration.seconds(5)

    /// What to append, taken by the caller.
    private var appended: [UInt8] = []
    private var patches: [MatroskaLayout.Patch] = []
    private(set) var layout = MatroskaLayout()
    private let isVideo: Bool

    /// - Parameters:
    ///   - startedAt: when the recording began: the moment of time zero.
    ///   - uid: tells the track from others; not 0.
    package init(_ format: RecordedFormat, startedAt: Timestamp, uid: UInt64) {
        isVideo = format.isVideo
        writeHeader(format, startedAt, uid)
    }

    /// Bytes of the file, with those that were not taken yet.
    package var byteCount: Int64 { layout.byteCount }

    /// The end of the last frame.
    package var duration: Duration { .milliseconds(layout.lastTime + layout.lastDuration) }

    /// What is to be appended to the file; then it is forgotten here.
    package mutating func takeAppended() -> [UInt8] {
        defer { appended.removeAll(keepingCapacity: true) }
        return appended
    }

    /// What is to be written over the file, each at its offset, after what is appended; then it is forgotten here.
    package mutating func takePatches() -> [(offset: Int64, bytes: [UInt8])] {
        defer { patches.removeAll(keepingCapacity: true) }
        return patches.map { ($0.offset, $0.bytes) }
    }

    /// Appends a frame. One that is older than the frame before it gets that one's time: in a file time does not go back.
    /// - Parameter duration: how long it lasts, as far as that is known; it counts for the last one only.
    package mutating func append(_ frame: RecordedFrame, duration: Duration) {
        let time = max(layout.lastTime, frame.time.wholeMilliseconds)
        let elapsed = time - layout.clusterTime
        let isStart = isVideo && frame.isKeyFrame
        if layout.clusterSizeOffset == nil || isStart || elapsed > Self.clusterDuration.wholeMilliseconds {
            beginCluster(at: time, isCued: isStart || !isVideo)
        }
        // Track 1, time since the cluster's, flags: 0x80 for a key frame (RFC 9559 §10.2).
        let relative = UInt16(bitPattern: Int16(time - layout.clusterTime))
        var writer = EBMLWriter()
        writer.id(.simpleBlock)
        writer.size(frame.bytes.count + 4)
        writer.raw([0x81, UInt8(relative >> 8), UInt8(relative & 0xFF), frame.isKeyFrame ? 0x80 : 0])
        append(writer.bytes)
        append(frame.bytes)
        layout.lastTime = time
        layout.lastDuration = duration.wholeMilliseconds
    }

    /// Notes how long the file is by now, for whoever finds it without its end.
    package mutating func noteDuration() { patches.append(layout.durationPatch()) }

    /// Ends the file. Nothing follows.
    package mutating func finish() {
        let (index, last) = layout.ending()
        append(index)
        patches += last
    }

    private mutating func append(_ bytes: [UInt8]) {
        appended += bytes
        layout.byteCount += Int64(bytes.count)
    }

    private mutating func beginCluster(at time: Int64, isCued: Bool) {
        if let patch = layout.clusterPatch() { patches.append(patch) }
        if isCued {
            layout.cues.append(
                .init(time: time, clusterPosition: layout.byteCount - layout.segmentContentOffset))
        }
        var writer = EBMLWriter()
        writer.id(.cluster)
        layout.clusterSizeOffset = layout.byteCount + Int64(writer.bytes.count)
        writer.raw(EBMLWriter.unknownSize)
        writer.element(.timestamp, UInt64(time))
        layout.clusterTime = time
        append(writer.bytes)
    }

    // MARK: Header

    /// Times of blocks are in milliseconds.
    private static let timestampScale: UInt64 = 1_000_000
    private static let application = "Roost"

    private mutating func writeHeader(_ format: RecordedFormat, _ startedAt: Timestamp, _ uid: UInt64) {
        var writer = EBMLWriter()
        writer.element(.ebml) { header in
            header.element(.ebmlVersion, 1)
            header.element(.ebmlReadVersion, 1)
            header.element(.ebmlMaxIDLength, 4)
            header.element(.ebmlMaxSizeLength, 8)
            header.element(.docType, text: format.isWebM ? "webm" : "matroska")
            header.element(.docTypeVersion, 4)
            header.element(.docTypeReadVersion, 2)
        }
        writer.id(.segment)
        layout.segmentSizeOffset = Int64(writer.bytes.count)
        writer.raw(EBMLWriter.unknownSize)
        layout.seekHeadOffset = Int64(writer.bytes.count)
        writer.void(byteCount: MatroskaLayout.seekHeadByteCount)
        layout.infoPosition = Int64(writer.bytes.count) - layout.segmentContentOffset
        writer.element(.info) { info in
            info.element(.timestampScale, Self.timestampScale)
            info.element(.muxingApp, text: Self.application)
            info.element(.writingApp, text: Self.application)
            info.element(.dateUTC, bytes: Self.date(startedAt))
            // The last, so that its place is known.
            info.element(.duration, float: 0)
        }
        layout.durationOffset = Int64(writer.bytes.count) - 8
        layout.tracksPosition = Int64(writer.bytes.count) - layout.segmentContentOffset
        writer.element(.tracks) { format.writeTrackEntry(to: &$0, uid: uid) }
        append(writer.bytes)
    }

    /// Nanoseconds since the beginning of 2001 in UTC (RFC 8794 §7.6).
    private static func date(_ time: Timestamp) -> [UInt8] {
        let nanoseconds = (time.milliseconds - 978_307_200_000) * 1_000_000
        return (0..<8).reversed().map { UInt8(truncatingIfNeeded: nanoseconds >> (8 * $0)) }
    }
}

extension Duration {
    /// Rounded down.
    var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }
}
