import MediaCore
import Testing

@Suite("Key frames")
struct PacketsKeyFrameTests {
    @Test(
        "A VP8 key frame is told at its first packet",
        arguments: [
            ("10 00", true, "the shortest descriptor"), ("10 01", false, "an inter frame"),
            ("00 00", false, "not the start of a partition"), ("11 00", false, "the start of another partition"),
            ("14 00", false, "the start of partition 4"), ("17 00", false, "of partition 7"),
            ("30 00", true, "a frame nobody depends on"),
            ("10 fe", true, "P alone decides"), ("90 00 00", true, "extended, with no field"),
            ("90 80 7f 00", true, "a picture id of 7 bits"), ("90 80 7f 01", false, "the same, an inter frame"),
            ("90 80 ff 01 00", true, "a picture id of 15 bits"), ("90 80 ff 00 01", false, "the same, an inter frame"),
            ("90 40 01 00", true, "TL0PICIDX"), ("90 20 01 00", true, "T"), ("90 10 01 00", true, "K"),
            ("90 30 01 00", true, "T and K share a byte"), ("90 30 00 01", false, "the same, an inter frame"),
            ("90 f0 ff 01 01 01 00", true, "everything"), ("90 f0 ff 00 00 00 01", false, "everything, an inter frame"),
            ("90 e0 01 01 01 00", true, "as Chromium sends it, short id"), ("", false, "nothing"),
            ("10", false, "no payload"), ("90", false, "no fields"), ("90 80", false, "no picture id"),
            ("90 80 ff 00", false, "half a picture id"), ("90 f0 ff 00 00 00", false, "no payload after everything"),
        ])
    func vp8(hex: String, isKeyFrame: Bool, what: String) {
        #expect(KeyFrame.isVP8(bytes: packetBytes(hex)) == isKeyFrame, "\(what)")
    }

    @Test(
        "An H.264 key frame is told at its parameter set or its IDR picture",
        arguments: [
            ("65 88", true, "IDR"), ("67 42", true, "SPS"), ("68 ce", false, "PPS"), ("41 9a", false, "an inter slice"),
            ("06 05", false, "SEI"), ("25 88", true, "IDR of a lower importance"),
            ("78 0004 6742e01f 0002 68ce", true, "STAP-A with SPS and PPS"),
            ("78 0002 68ce 0003 658800", true, "STAP-A with PPS and IDR"),
            ("78 0002 68ce 0002 419a", false, "STAP-A of others"), ("78", false, "STAP-A of nothing"),
            ("78 0002", false, "STAP-A without its unit"), ("78 0003 6588", false, "STAP-A cut within the unit"),
            ("78 0002 68ce 0009 65", false, "STAP-A cut within the second"),
            ("78 0001 67 00ff", true, "STAP-A cut behind the SPS"),
            ("78 0000 0001 65", false, "STAP-A with an empty unit"),
            ("7c 85 88", true, "FU-A, start of IDR"), ("7c 05 88", false, "FU-A, middle of IDR"),
            ("7c 45 88", false, "FU-A, end of IDR"), ("7c 87 42", true, "FU-A, start of SPS"),
            ("7c 81 9a", false, "FU-A, start of an inter slice"), ("7c", false, "FU-A cut short"),
            ("", false, "nothing"),
        ])
    func h264(hex: String, isKeyFrame: Bool, what: String) {
        #expect(KeyFrame.isH264(bytes: packetBytes(hex)) == isKeyFrame, "\(what)")
    }
}
