import Contracts
import Logging
import NIOCore
import RedisBus
import ServiceKit

/// Brings the rooms' reports to the API: of each call the newest until it is committed, one at a time, so that they
/// arrive in order. A report says all, so those it overtakes are not missed.
actor CallReporter {
    private static let retry = Duration.milliseconds(500)

    private let bus: RedisBus
    private let logger: Logger
    private var pending: [ChannelID: CallReport] = [:]
    private var sending: Set<ChannelID> = []

    init(bus: RedisBus, logger: Logger) {
        self.bus = bus
        self.logger = logger
    }

    var isEmpty: Bool { sending.isEmpty }

    func post(_ report: CallReport) {
        pending[report.channelID] = report
        guard sending.insert(report.channelID).inserted else { return }
        Task { await send(report.channelID) }
    }

    private func send(_ channel: ChannelID) async {
        while let report = pending.removeValue(forKey: channel) {
            do {
                let body = ByteBuffer(bytes: try WireJSON.encode(report))
                _ = try await bus.request(.callReport, to: .api, body: body)
            } catch BusError.failed(let failure) where Self.isFinal(failure.code) {
                logger.warning("report refused", metadata: ["channel": "\(channel)", "why": "\(failure.detail)"])
            } catch {
                logger.debug("report waits", metadata: ["channel": "\(channel)", "error": "\(error)"])
                if pending[channel] == nil { pending[channel] = report }
                try? await Task.sleep(for: Self.retry)
            }
        }
        sending.remove(channel)
    }

    /// The channel is gone, or the API is of another version: the same report will not do later either.
    private static func isFinal(_ code: ErrorCode) -> Bool { code == .notFound || code == .malformedRequest }
}
