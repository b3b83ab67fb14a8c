import Contracts
import Foundation
import NIOHTTP1
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Figures of the services")
    struct MetricsTests {
        @Test("A media node, a gateway and an API say what they do, and the node what becomes of each track")
        func pages() async throws {
            try await CallMediaScene.run(people: 2) { scene in
                let callers = [try await scene.join(0), try await scene.join(1)]
                try await callers[1].peer.wait(for: 30, .camera, of: callers[0].peer)
                let node = try scene.node(of: callers[0])
                let index = try #require(Int(node.dropFirst("media-".count)))
                let url = try scene.stack.mediaURLs[index]
                let media = try await figures(url)
                #expect(try #require(media["roost_media_seats"]) >= 2)
                #expect(try #require(media["roost_media_rooms"]) >= 1)
                #expect(try #require(media["roost_media_received_packets_total"]) > 100)
                #expect(try #require(media["roost_media_sent_packets_total"]) > 100)
                #expect(try #require(media["roost_media_forwarded_packets_total"]) > 100)
                #expect(try #require(media["roost_media_join_seconds_count"]) >= 2)
                #expect(try #require(media["roost_media_turn_seconds_count"]) > 100)
                #expect(media["roost_media_dropped_packets_total{reason=\"badIntegrity\"}"] != nil)

                let rooms = try await APIClient(base: url).get("/stats")
                #expect(rooms.status == 200)
                #expect(rooms.text.contains("\"channelID\":\"\(scene.channel)\""))
                #expect(rooms.text.contains("\"participantID\":\"\(callers[0].id)\""))

                let gateway = try await figures(scene.stack.gatewayURLs[0])
                #expect(try #require(gateway["roost_gateway_connections"]) >= 1)
                let api = try await figures(scene.stack.apiURLs[0])
                #expect(try #require(api["roost_api_request_seconds_count"]) >= 1)
                #expect(api["roost_bus_connected"] == 1)
                let known = Set([media, gateway, api].flatMap(\.keys).map { $0.prefix { $0 != "{" } })
                let dashboard = try String(
                    contentsOf: Stack.repository.appendingPathComponent("deploy/grafana/roost.json"), encoding: .utf8)
                for shown in dashboard.matches(of: /roost_[a-z_]+/).map(\.output) {
                    #expect(known.contains(shown), "the dashboard shows \(shown), which nobody says")
                }
                // They are for those who run it: nothing of it is on the site.
                #expect(try await !APIClient(base: scene.stack.url).get("/metrics").text.contains("roost_api"))
            }
        }

        /// Each line's value by its name and labels.
        private func figures(_ base: String) async throws -> [String: Double] {
            let page = try await APIClient(base: base).get("/metrics")
            #expect(page.status == 200)
            #expect(page.headers.first(name: "Content-Type")?.hasPrefix("text/plain; version=0.0.4") == true)
            let samples = page.text.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { line in
                line.lastIndex(of: " ").flatMap { space in
                    Double(line[line.index(after: space)...]).map { (String(line[..<space]), $0) }
                }
            }
            #expect(!samples.isEmpty)
            return Dictionary(samples, uniquingKeysWith: { first, _ in first })
        }
    }
}
