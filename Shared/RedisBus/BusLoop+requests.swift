import Contracts
import NIOCore

/// A task that waits for an answer.
struct AnswerWaiter {
    let continuation: CheckedContinuation<BusAnswer?, Never>
    let timer: Scheduled<Void>
}

/// A request of another process, to be worked on.
struct ArrivedRequest: Sendable {
    let id: RequestID
    let replyTo: InstanceAddress
    let deadline: Timestamp
    let kind: BusRequestKind
    let body: ByteBuffer
    let handler: RedisBus.RequestHandler
}

/// The live instances of a kind as they were read last.
struct KnownInstances {
    var addresses: [InstanceAddress]
    var readAt: NIODeadline
}

extension BusLoop {
    // MARK: Own requests

    /// Resumes the continuation with the next answer; with `nil` at the deadline or when the request is cancelled.
    func awaitAnswer(
        to id: RequestID, until deadline: NIODeadline, _ continuation: CheckedContinuation<BusAnswer?, Never>
    ) {
        let timer = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            guard let waiter = self.requests.stopWaiting(for: id) else { return }
            waiter.continuation.resume(returning: nil)
        }
        switch requests.wait(for: id, AnswerWaiter(continuation: continuation, timer: timer)) {
        case .waiting:
            break
        case .answered(let answer):
            timer.cancel()
            continuation.resume(returning: answer)
        case .over:
            timer.cancel()
            continuation.resume(returning: nil)
        }
    }

    func cancelRequest(_ id: RequestID) {
        guard let waiter = requests.cancel(id) else { return }
        waiter.timer.cancel()
        waiter.continuation.resume(returning: nil)
    }

    private func receive(_ answer: BusAnswer, for id: RequestID) {
        switch requests.receive(answer, for: id) {
        case .resume(let waiter):
            waiter.timer.cancel()
            waiter.continuation.resume(returning: answer)
        case .kept:
            break
        case .late:
            meters.lateReplies.increment()
        }
    }

    // MARK: Live instances

    /// The instances of a kind if they were read within `maximumAge`.
    func knownInstances(of kind: ServiceKind, maximumAge: Duration) -> [InstanceAddress]? {
        guard let known = instances[kind], known.readAt + TimeAmount(maximumAge) >= .now() else { return nil }
        return known.addresses
    }

    func learn(_ addresses: [InstanceAddress], of kind: ServiceKind) {
        instances[kind] = KnownInstances(addresses: addresses, readAt: .now())
    }

    /// Nobody listens at this address: it is not asked again until the registry is read anew.
    func forget(_ address: InstanceAddress) {
        instances[address.kind]?.addresses.removeAll { $0 == address }
    }

    // MARK: Requests of others

    /// From now on requests of others are refused, and those accepted are the last.
    func stopServing() {
        handler = nil
        arrivals.finish()
    }

    /// What arrives at this process's own topic.
    func receiveEnvelope(_ payload: ByteBuffer) {
        guard let (envelope, body) = BusEnvelope.read(payload) else {
            meters.droppedRequests.increment()
            return
        }
        switch envelope {
        case .reply(let id): receive(.reply(body), for: id)
        case .failure(let id, let code): receive(.failure(BusFailure(code, String(buffer: body))), for: id)
        case .request(let id, let replyTo, let deadline, let kind):
            accept(id, replyTo, deadline, kind, body)
        }
    }

    private func accept(
        _ id: RequestID, _ replyTo: InstanceAddress, _ deadline: Timestamp, _ kind: BusRequestKind, _ body: ByteBuffer
    ) {
        guard deadline > .now else {
            meters.droppedRequests.increment()
            return
        }
        guard let handler, requestsAtWork < Limits.busRequestsAtOnce else {
            meters.refusedRequests.increment()
            let sentence = handler == nil ? "This process serves no requests." : "This process is busy."
            let refusal = BusEnvelope.failure(id: id, code: .unavailable).payload(with: ByteBuffer(string: sentence))
            var bytes = ByteBuffer()
            RedisCommand("SPUBLISH", .topic(.instance(replyTo)), .bytes(refusal)).encode(into: &bytes)
            send(bytes, commandCount: 1, caller: .nobody)
            return
        }
        requestsAtWork += 1
        arrivals.yield(
            ArrivedRequest(id: id, replyTo: replyTo, deadline: deadline, kind: kind, body: body, handler: handler))
    }
}
