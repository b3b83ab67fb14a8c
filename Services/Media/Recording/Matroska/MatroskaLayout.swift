/// What of a Matroska file must be known to go on writing it, and to end it: the same whether it was written just now or
/// found after a crash (``MatroskaScan``). Offsets are of the file; positions, as Matroska has them, count from the first
/// byte of the segment's content (RFC 9559 §16).
struct MatroskaLayout: Hashable, Sendable {
    /// A cluster that players can jump to.
    struct CuePoint: Hashable, Sendable {
        /// Milliseconds.
        let time: Int64
        let clusterPosition: Int64
    }

    /// Where the eight bytes of the segment's size are.
    var segmentSizeOffset: Int64 = 0
    /// The place that is kept for the seek head, and how many bytes it has.
    var seekHeadOffset: Int64 = 0
    /// Where the content of the duration is.
    var durationOffset: Int64 = 0
    var infoPosition: Int64 = 0
    var tracksPosition: Int64 = 0
    /// Where the eight bytes of the open cluster's size are; `nil` while none is open.
    var clusterSizeOffset: Int64?
    /// Milliseconds, of the open cluster.
    var clusterTime: Int64 = 0
    var cues: [CuePoint] = []
    /// Milliseconds of the last block, and how long it lasts at least.
    var lastTime: Int64 = 0
    var lastDuration: Int64 = 0
    /// Bytes of the file so far.
    var byteCount: Int64 = 0

    /// Bytes that are kept for the seek head.
    static let seekHeadByteCount = 96

    var segmentContentOffset: Int64 { segmentSizeOffset + 8 }

    /// A piece to write over what is there.
    struct Patch: Hashable, Sendable {
        let offset: Int64
        let bytes: [UInt8]
    }

    /// The open cluster's size, once no more follows in it.
    func clusterPatch() -> Patch? {
        clusterSizeOffset.map { Patch(offset: $0, bytes: EBMLWriter.wideSize(byteCount - $0 - 8)) }
    }

    /// The duration as it is now: a file that ends here without ``ending()`` tells it too.
    func durationPatch() -> Patch {
        Patch(offset: durationOffset, bytes: EBMLWriter.content(Double(lastTime + lastDuration)))
    }

    /// What makes a file that players seek in of one that ends at its last block: an index to append, and what to write
    /// over: sizes, duration, and the seek head that says where the index is.
    func ending() -> (index: [UInt8], patches: [Patch]) {
        var writer = EBMLWriter()
        if !cues.isEmpty {
            writer.element(.cues) { index in
                for cue in cues {
                    index.element(.cuePoint) { point in
                        point.element(.cueTime, UInt64(cue.time))
                        point.element(.cueTrackPositions) { place in
                            place.element(.cueTrack, 1)
                            place.element(.cueClusterPosition, UInt64(cue.clusterPosition))
                        }
                    }
                }
            }
        }
        let end = byteCount + Int64(writer.bytes.count)
        var patches = [
            durationPatch(), Patch(offset: seekHeadOffset, bytes: seekHead()),
            // Last: with its size the file says that it is whole.
            Patch(offset: segmentSizeOffset, bytes: EBMLWriter.wideSize(end - segmentContentOffset)),
        ]
        if let patch = clusterPatch() { patches.insert(patch, at: 0) }
        return (writer.bytes, patches)
    }

    private func seekHead() -> [UInt8] {
        var writer = EBMLWriter()
        writer.element(.seekHead) { head in
            var targets: [(MatroskaID, Int64)] = [(.info, infoPosition), (.tracks, tracksPosition)]
            if !cues.isEmpty { targets.append((.cues, byteCount - segmentContentOffset)) }
            for (id, position) in targets {
                head.element(.seek) { seek in
                    var name = EBMLWriter()
                    name.id(id)
                    seek.element(.seekID, bytes: name.bytes)
                    seek.element(.seekPosition, UInt64(position))
                }
            }
        }
        writer.void(byteCount: Self.seekHeadByteCount - writer.bytes.count)
        return writer.bytes
    }
}
