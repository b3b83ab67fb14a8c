import Contracts
import Logging
import NIOCore

extension RedisBus {
    /// Answers requests of other processes with this handler from now on. Without a handler they are answered `unavailable`,
    /// so call it before ``run()``.
    ///
    /// Each request is worked on in a task of its own that ``run()`` owns, at most ``Limits/busRequestsAtOnce`` at once;
    /// beyond that they are answered `unavailable`. A request whose deadline has passed is dropped.
    package func serve(_ handler: @escaping RequestHandler) {
        onLoop { $0.handler = handler }
    }

    /// Works on requests until no more can arrive and all are answered, or the task is cancelled.
    func workOnRequests() async {
        await withDiscardingTaskGroup { group in
            for await request in arrivals {
                group.addTask {
                    await self.workOn(request)
                    self.onLoop { $0.requestsAtWork -= 1 }
                }
            }
        }
    }

    private func workOn(_ request: ArrivedRequest) async {
        guard request.deadline > .now else { return countDropped() }
        let envelope: BusEnvelope
        let body: ByteBuffer
        switch await request.handler(request.kind, request.body) {
        case .success(let answer) where answer.readableBytes <= Limits.busReplyByteCount:
            envelope = .reply(id: request.id)
            body = answer
        case .success(let answer):
            logger.error(
                "The answer to a request is too large.",
                metadata: ["kind": "\(request.kind)", "bytes": "\(answer.readableBytes)"])
            envelope = .failure(id: request.id, code: .internalError)
            body = ByteBuffer(string: "The answer is too large.")
        case .failure(let failure):
            envelope = .failure(id: request.id, code: failure.code)
            body = ByteBuffer(string: failure.detail)
        }
        guard request.deadline > .now else { return countDropped() }
        do {
            _ = try await publish(envelope.payload(with: body), to: .instance(request.replyTo))
        } catch {
            logger.warning(
                "An answer could not be published.",
                metadata: ["kind": "\(request.kind)", "replyTo": "\(request.replyTo)", "error": "\(error)"])
        }
    }

    private func countDropped() {
        meters.droppedRequests.increment()
    }
}
