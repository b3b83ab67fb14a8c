import MediaCore
import Testing

/// Bits, the highest of each byte first.
private struct BitWriter {
    private(set) var bits: [Bool] = []

    mutating func write(_ value: Int, _ count: Int) {
        for place in stride(from: count - 1, through: 0, by: -1) { bits.append(value >> place & 1 == 1) }
    }

    var bytes: [UInt8] {
        stride(from: 0, to: bits.count, by: 8).map { start in
            (0..<8).reduce(0) { $0 << 1 | (start + $1 < bits.count && bits[start + $1] ? 1 : 0) }
        }
    }
}

/// Two spatial layers and two temporal ones, each with a chain of its own spatial layer (AV1 RTP specification A.8).
private enum TwoByTwo {
    static let offset = 60
    /// Layers of the six templates, as steps: 0 same, 1 next temporal, 2 next spatial, 3 the end.
    static let steps = [0, 1, 2, 0, 1, 3]
    /// By template, what it is to the decode targets (0,0), (0,1), (1,0), (1,1).
    static let indications = [[2, 2, 2, 2], [2, 2, 3, 3], [0, 1, 0, 3], [0, 0, 2, 2], [0, 0, 2, 2], [0, 0, 0, 1]]
    static let differences = [[], [4], [2], [1], [4, 1], [2, 1]]
    static let chains = [[0, 0], [4, 3], [2, 1], [1, 1], [1, 1], [3, 2]]
    static let protecting = [0, 0, 1, 1]

    /// A descriptor of the first template that brings the structure.
    static func descriptor(active: Int? = nil, resolutions: Bool = true) -> [UInt8] {
        var writer = BitWriter()
        writer.write(1, 1)
        writer.write(0, 1)
        writer.write(offset, 6)
        writer.write(0x1234, 16)
        writer.write(active == nil ? 0b10000 : 0b11000, 5)
        writer.write(offset, 6)
        writer.write(3, 5)
        for step in steps { writer.write(step, 2) }
        for row in indications { for value in row { writer.write(value, 2) } }
        for row in differences {
            for value in row {
                writer.write(1, 1)
                writer.write(value - 1, 4)
            }
            writer.write(0, 1)
        }
        // ns(5) of 2: three values take two bits.
        writer.write(2, 2)
        for value in protecting { writer.write(value, 1) }
        for row in chains { for value in row { writer.write(value, 4) } }
        writer.write(resolutions ? 1 : 0, 1)
        if resolutions {
            for (width, height) in [(320, 180), (640, 360)] {
                writer.write(width - 1, 16)
                writer.write(height - 1, 16)
            }
        }
        if let active { writer.write(active, 4) }
        return writer.bytes
    }

    /// A frame with some of its own fields, by the four flags behind that of the structure.
    static func own(_ flags: Int, differences: [(size: Int, value: Int)] = [(1, 3), (2, 200)]) -> [UInt8] {
        var writer = BitWriter()
        writer.write(0xC0 | (offset + 2) % 64, 8)
        writer.write(9, 16)
        writer.write(flags, 5)
        if flags & 0b1000 != 0 { writer.write(0b0110, 4) }
        if flags & 0b0100 != 0 { for value in [0, 2, 0, 1] { writer.write(value, 2) } }
        if flags & 0b0010 != 0 {
            for (size, value) in differences {
                writer.write(size, 2)
                writer.write(value - 1, 4 * size)
            }
            writer.write(0, 2)
        }
        if flags & 0b0001 != 0 { for value in [200, 201] { writer.write(value, 8) } }
        return writer.bytes
    }

    /// A frame of a template, without anything of its own.
    static func frame(_ template: Int, number: Int, start: Bool = true, end: Bool = true) -> [UInt8] {
        let id = (offset + template) % 64
        return [
            (start ? 0x80 : 0) | (end ? 0x40 : 0) | UInt8(id), UInt8(number >> 8 & 0xFF), UInt8(number & 0xFF),
        ]
    }
}

@Suite("Dependency descriptors")
struct DependencyDescriptorTests {
    private func differences(_ descriptor: DependencyDescriptor) -> [UInt16] {
        (0..<descriptor.differenceCount).map { descriptor.differences[$0] }
    }

    @Test("A structure is read with its templates, decode targets, chains and resolutions")
    func structure() throws {
        var reader = DependencyReader()
        let read = reader.read(bytes: TwoByTwo.descriptor())
        let descriptor = try #require(read)
        #expect(descriptor.isFrameStart && !descriptor.isFrameEnd && descriptor.hasStructure)
        #expect(descriptor.frameNumber == 0x1234 && descriptor.spatial == 0 && descriptor.temporal == 0)
        #expect(descriptor.refersToNoEarlierPicture && descriptor.differenceCount == 0)
        let structure = try #require(reader.structure)
        #expect(structure.templates.map(\.spatial) == [0, 0, 0, 1, 1, 1])
        #expect(structure.templates.map(\.temporal) == [0, 0, 1, 0, 0, 1])
        #expect(structure.templates.map(\.differences) == TwoByTwo.differences.map { $0.map(UInt16.init) })
        #expect(structure.templates.map(\.chainDifferences) == TwoByTwo.chains.map { $0.map(UInt8.init) })
        for (template, row) in zip(structure.templates, TwoByTwo.indications) {
            #expect(row.indices.map { Int(template.indications[$0].rawValue) } == row)
        }
        #expect(structure.targets.map(\.spatial) == [0, 0, 1, 1] && structure.targets.map(\.temporal) == [0, 1, 0, 1])
        #expect(structure.chainCount == 2 && structure.protectingChains == [0, 0, 1, 1])
        #expect(structure.resolutions.map(\.width) == [320, 640] && structure.resolutions.map(\.height) == [180, 360])
        #expect(reader.activeTargets == 0b1111)
    }

    @Test("Later frames name a template, past the wrap of its ids, until another structure comes")
    func templates() throws {
        var reader = DependencyReader()
        let early = reader.read(bytes: TwoByTwo.frame(1, number: 7))
        #expect(early == nil, "there is no structure yet")
        _ = reader.read(bytes: TwoByTwo.descriptor())
        let read = reader.read(bytes: TwoByTwo.frame(4, number: 0xFFFF, start: false))
        let frame = try #require(read)
        #expect(frame.spatial == 1 && frame.temporal == 0 && frame.frameNumber == 0xFFFF && !frame.hasStructure)
        #expect(!frame.isFrameStart && frame.isFrameEnd)
        #expect(differences(frame) == [4, 1] && !frame.refersToNoEarlierPicture)
        #expect(frame.chainDifferences[0] == 1 && frame.chainDifferences[1] == 1)
        let key = reader.read(bytes: TwoByTwo.frame(3, number: 2))
        #expect(key?.refersToNoEarlierPicture == true, "it refers to the frame below in its picture")
        let unknown = reader.read(bytes: TwoByTwo.frame(6, number: 8))
        #expect(unknown == nil)
    }

    @Test("A frame can have indications, references and chains of its own")
    func own() throws {
        var reader = DependencyReader()
        _ = reader.read(bytes: TwoByTwo.descriptor())
        var writer = BitWriter()
        writer.write(0xC0 | (TwoByTwo.offset + 2) % 64, 8)
        writer.write(9, 16)
        writer.write(0b00111, 5)
        for value in [0, 2, 0, 1] { writer.write(value, 2) }
        for (size, value) in [(1, 3), (2, 200), (3, 4_000)] {
            writer.write(size, 2)
            writer.write(value - 1, 4 * size)
        }
        writer.write(0, 2)
        writer.write(200, 8)
        writer.write(201, 8)
        let read = reader.read(bytes: writer.bytes)
        let frame = try #require(read)
        #expect(frame.temporal == 1)
        #expect((0..<4).map { frame.indications[$0] } == [.notPresent, .switch, .notPresent, .discardable])
        #expect(differences(frame) == [3, 200, 4_000])
        #expect(frame.chainDifferences[0] == 200 && frame.chainDifferences[1] == 201)
    }

    /// What a reader makes of a descriptor that comes after one with the structure.
    private func read(_ bytes: [UInt8]) -> (descriptor: DependencyDescriptor, targets: UInt32)? {
        var reader = DependencyReader()
        _ = reader.read(bytes: TwoByTwo.descriptor())
        return reader.read(bytes: bytes).map { ($0, reader.activeTargets) }
    }

    private func copy(_ bytes: [UInt8], telling targets: UInt32) throws -> [UInt8] {
        let active = try #require(read(bytes)).descriptor.activeTargets
        var place = [UInt8](repeating: 0xA5, count: DependencyReader.byteCount)
        let count = bytes.withUnsafeBytes { source in
            place.withUnsafeMutableBytes { active.copy(source, telling: targets, to: $0) }
        }
        return Array(place[..<count])
    }

    @Test(
        "A descriptor that is told other decode targets says all else as before",
        arguments: [
            TwoByTwo.frame(1, number: 7), TwoByTwo.frame(5, number: 0xFFFF, start: false),
            TwoByTwo.descriptor(), TwoByTwo.descriptor(active: 0b0111), TwoByTwo.descriptor(resolutions: false),
        ] + (1..<16).map { TwoByTwo.own($0) })
    func retold(bytes: [UInt8]) throws {
        let (before, sent) = try #require(read(bytes))
        #expect(before.activeTargets.sent == sent && before.activeTargets.count == 4)
        for targets in [0b0001, 0b0011, 0b1111] as [UInt32] {
            let copied = try copy(bytes, telling: targets)
            let (after, told) = try #require(read(copied))
            #expect(told == targets)
            #expect(after.isFrameStart == before.isFrameStart && after.isFrameEnd == before.isFrameEnd)
            #expect(after.frameNumber == before.frameNumber && after.hasStructure == before.hasStructure)
            #expect(after.spatial == before.spatial && after.temporal == before.temporal)
            #expect(after.indications == before.indications && differences(after) == differences(before))
            #expect((0..<2).allSatisfy { after.chainDifferences[$0] == before.chainDifferences[$0] })
            #expect(copied.count <= bytes.count + 2)
            let again = try copy(copied, telling: sent)
            #expect(again.count == copied.count, "what tells of them once keeps its length")
        }
    }

    @Test("One that has no room for decode targets stays as it is")
    func full() throws {
        let bytes = TwoByTwo.frame(1, number: 7) + [0] + [UInt8](repeating: 0, count: DependencyReader.byteCount - 4)
        #expect(try copy(bytes, telling: 1) == bytes)
        #expect(try copy(Array(bytes.dropLast()), telling: 1).count == DependencyReader.byteCount)
    }

    @Test("The numbers of frames go on past their wrap where another encoding takes over, and loss leaves its gaps")
    func numbers() {
        var rewriter = FrameNumberRewriter()
        rewriter.start(0xFFF0)
        for number in [0xFFF0, 0xFFFF, 0xFFF7] as [UInt16] {
            #expect(rewriter.number(number) == number)
            rewriter.note(number)
        }
        rewriter.start(500)
        #expect(rewriter.number(500) == 0 && rewriter.number(507) == 7)
        rewriter.note(507)
        rewriter.start(500)
        #expect(rewriter.number(500) == 8)
    }

    @Test("What is sent now is told with or without a structure, and a structure means all")
    func activeTargets() {
        var reader = DependencyReader()
        _ = reader.read(bytes: TwoByTwo.descriptor(active: 0b0011))
        #expect(reader.activeTargets == 0b0011)
        var writer = BitWriter()
        writer.write(0xC0 | TwoByTwo.offset, 8)
        writer.write(1, 16)
        writer.write(0b01000, 5)
        writer.write(0b1011, 4)
        _ = reader.read(bytes: writer.bytes)
        #expect(reader.activeTargets == 0b1011)
        _ = reader.read(bytes: TwoByTwo.descriptor())
        #expect(reader.activeTargets == 0b1111)
    }

    @Test("One that is cut short is none, and leaves what was known as it was")
    func cut() {
        let whole = TwoByTwo.descriptor(active: 0b0101)
        var reader = DependencyReader()
        for count in 0..<whole.count {
            let read = reader.read(bytes: Array(whole.prefix(count)))
            #expect(read == nil, "\(count) of \(whole.count) bytes")
            #expect(reader.structure == nil && reader.activeTargets == 0)
        }
        let read = reader.read(bytes: whole)
        #expect(read != nil)
        let tooLong = reader.read(bytes: [UInt8](repeating: 0xFF, count: 256))
        #expect(tooLong == nil)
    }

    @Test("Limits: templates, references of a frame, layers", arguments: [0, 1, 2])
    func limits(kind: Int) {
        var writer = BitWriter()
        writer.write(0x80, 8)
        writer.write(1, 16)
        writer.write(0b10000, 5)
        writer.write(0, 11)
        switch kind {
        case 0: for _ in 0..<64 { writer.write(0, 2) }  // and one more
        case 1:
            writer.write(3, 2)
            writer.write(2, 2)
            for _ in 0..<9 { writer.write(0b10000, 5) }
        default: for _ in 0..<4 { writer.write(2, 2) }
        }
        writer.write(kind == 1 ? 0 : 3, 2)
        for _ in 0..<100 { writer.write(0, 8) }
        var reader = DependencyReader()
        let read = reader.read(bytes: writer.bytes)
        #expect(read == nil && reader.structure == nil)
    }

    @Test(
        "Numbers below a limit take as few bits as they can",
        arguments: [(5, [0, 1, 2, 3, 4]), (4, [0, 1, 2, 3])] as [(UInt32, [UInt32])])
    func numbers(limit: UInt32, values: [UInt32]) {
        // Of 5: 00, 01, 10, 110, 111; of 4: two bits each.
        let bytes: [UInt8] = limit == 5 ? [0b0001_1011, 0b0111_0000] : [0b0001_1011]
        var reader = BitReader(byteCount: bytes.count)
        let read = values.map { _ in reader.number(below: limit, of: bytes.span) }
        #expect(read == values && !reader.isPastEnd)
        #expect(reader.position == (limit == 5 ? 12 : 8))
    }

    @Test("Its layer tells where one can go up")
    func layer() throws {
        var reader = DependencyReader()
        let read = reader.read(bytes: TwoByTwo.descriptor())
        let key = try #require(read)
        let layer = PacketLayer(key, try #require(reader.structure))
        #expect(layer.isIndependent && layer.isFrameStart && layer.spatial == 0)
        #expect(layer.switches.contains(spatial: 1, temporal: 1) && !layer.switches.contains(spatial: 0, temporal: 2))
        let next = reader.read(bytes: TwoByTwo.frame(1, number: 5))
        let delta = PacketLayer(try #require(next), try #require(reader.structure))
        #expect(delta.switches.contains(spatial: 0, temporal: 1) && !delta.switches.contains(spatial: 1, temporal: 0))
        #expect(!delta.isIndependent)
    }
}

@Suite("Layers of VP8, VP9 and AV1 packets")
struct PacketLayerTests {
    @Test("A VP9 descriptor tells picture, layers and what it refers to")
    func vp9() throws {
        let key = try #require(VP9Descriptor(bytes: [0xAA, 0x92, 0x34, 0x00, 0x05, 0x00]))
        #expect(key.isKeyFrameStart && key.numbers.pictureID == 0x1234 && key.numbers.isLong)
        #expect(key.numbers.pictureIDOffset == 1 && key.numbers.layerZeroOffset == 4 && key.numbers.layerZeroIndex == 5)
        #expect(key.layer.isFrameStart && !key.layer.isFrameEnd && key.layer.isIndependent)
        let delta = try #require(VP9Descriptor(bytes: [0xE4, 0x12, 0x55, 0x06, 0x00]))
        #expect(!delta.isKeyFrameStart && delta.numbers.pictureID == 0x12 && !delta.numbers.isLong)
        #expect(delta.layer.temporal == 2 && delta.layer.spatial == 2 && delta.layer.isFrameEnd)
        #expect(!delta.layer.isIndependent && delta.layer.switches == .all)
        let flexible = try #require(VP9Descriptor(bytes: [0xB8, 0x12, 0x22, 0x00]))
        #expect(flexible.numbers.layerZeroOffset == 0 && flexible.layer.temporal == 1 && flexible.layer.spatial == 1)
        #expect(!flexible.isKeyFrameStart, "the upper layer of a key picture")
        let plain = try #require(VP9Descriptor(bytes: [0x0C, 0x00]))
        #expect(plain.isKeyFrameStart && plain.numbers.pictureIDOffset == 0)
    }

    @Test("A VP9 descriptor that is cut short is none", arguments: [[], [0x80], [0x80, 0x92], [0x20], [0xA0, 1, 0]])
    func cut(bytes: [UInt8]) { #expect(VP9Descriptor(bytes: bytes) == nil) }

    @Test("A VP8 descriptor tells the temporal layer and where it can begin")
    func vp8() throws {
        let sync = try #require(VP8Descriptor(bytes: [0x90, 0xE0, 0x81, 0x02, 0x07, 0x60, 0x01]))
        #expect(sync.temporal == 1 && sync.refersToLowest && sync.numbers.pictureID == 0x102)
        let layer = sync.layer(isKeyFrame: false, hasMarker: true)
        #expect(layer.temporal == 1 && layer.isSync && layer.isFrameStart && layer.isFrameEnd && !layer.isIndependent)
        let plain = try #require(VP8Descriptor(bytes: [0x00, 0x00]))
        #expect(plain.temporal == 0 && !plain.layer(isKeyFrame: false, hasMarker: false).isFrameStart)
        #expect(VP8Descriptor(bytes: [0x80, 0x20]) == nil)
    }

    @Test("AV1 begins where its aggregation header says so", arguments: [(0x08, true), (0x88, false), (0x10, false)])
    func av1(byte: UInt8, isKey: Bool) { #expect(KeyFrame.isAV1(bytes: [byte, 0]) == isKey) }
}
