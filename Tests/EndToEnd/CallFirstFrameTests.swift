import Contracts
import MediaPeer
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Calls: how soon one sees and hears")
    struct CallFirstFrameTests {
        private static let joinCount = 20

        @Test(
            "C6: who joins a call that goes on sees a picture and hears within a second of asking for the seat, 19 of 20 times"
        )
        func joining() async throws {
            try await CallMediaScene.run(people: 2) { scene in
                let publisher = try await scene.join(0)
                try await publisher.peer.waitUntilSent(50)
                var times: [Duration] = []
                for _ in 0..<Self.joinCount {
                    // One socket may not join so often.
                    let device = try await scene.team.people[1].connect(to: scene.gateway(1))
                    let start = ContinuousClock.now
                    let viewer = try await scene.sit(1, on: device)
                    try await viewer.peer.wait(for: "a whole picture and sound", within: .seconds(10)) { _ in
                        (viewer.peer.received(.camera, of: publisher.peer)?.completeFrames ?? 0) > 0
                            && (viewer.peer.received(.microphone, of: publisher.peer)?.packets ?? 0) > 0
                    }
                    times.append(ContinuousClock.now - start)
                    _ = try await device.leaveCall()
                    viewer.peer.stop()
                }
                #expect(times.count { $0 <= .seconds(1) } >= Self.joinCount * 95 / 100, "\(times.sorted())")
            }
        }
    }
}
