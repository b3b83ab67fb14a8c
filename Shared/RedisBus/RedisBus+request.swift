package import Contracts
import Glibc
package import NIOCore

extension RedisBus {
    /// Asks a live instance of a service and gives its answer.
    ///
    /// Requests are idempotent, and this relies on it: an instance that is gone or busy is passed over at once, and when one
    /// is silent for ``Limits/busRequestPatience`` another is asked beside it. The first answer counts.
    /// - Parameter deadline: for everything together; travels with the request, by the wall clock.
    package func request(
        _ kind: BusRequestKind, to service: ServiceKind, body: ByteBuffer,
        deadline: Duration = Limits.busRequestDeadline
    ) async throws(BusError) -> ByteBuffer {
        let id = RequestID.fresh()
        let envelope = BusEnvelope.request(id: id, replyTo: address, deadline: .now + deadline, kind: kind)
        guard await open(id) else { throw .redis(.queueFull) }
        defer { onLoop { $0.requests.close(id) } }
        return try await ask(
            envelope.payload(with: body), id, service, until: .now() + TimeAmount(deadline))
    }

    /// Asks one live instance and gives its answer. The request is published once: no other instance will do.
    /// - Parameter deadline: for everything together; travels with the request, by the wall clock.
    /// - Throws: `noInstance` at once when nobody listens at its address, `timedOut` when it got the request and was silent.
    package func request(
        _ kind: BusRequestKind, to instance: InstanceAddress, body: ByteBuffer,
        deadline: Duration = Limits.busRequestDeadline
    ) async throws(BusError) -> ByteBuffer {
        let id = RequestID.fresh()
        let end = NIODeadline.now() + TimeAmount(deadline)
        let envelope = BusEnvelope.request(id: id, replyTo: address, deadline: .now + deadline, kind: kind)
        guard await open(id) else { throw .redis(.queueFull) }
        defer { onLoop { $0.requests.close(id) } }
        guard !Task.isCancelled else { throw .cancelled }
        guard try await deliver(envelope.payload(with: body), to: instance) else {
            onLoop { $0.forget(instance) }
            throw .noInstance
        }
        switch await answer(to: id, until: end) {
        case .reply(let body): return body
        case .failure(let failure): throw .failed(failure)
        case nil: throw Task.isCancelled ? .cancelled : .timedOut
        }
    }

    private func ask(
        _ payload: ByteBuffer, _ id: RequestID, _ service: ServiceKind, until end: NIODeadline
    ) async throws(BusError) -> ByteBuffer {
        var random = SystemRandomNumberGenerator()
        var plan = RequestPlan()
        var maximumAge = Limits.instanceCache
        while NIODeadline.now() < end {
            guard !Task.isCancelled else { throw .cancelled }
            let live = try await instancesForRequest(of: service, maximumAge: maximumAge)
            switch plan.next(among: live, using: &random) {
            case .ask(let instance):
                guard try await deliver(payload, to: instance) else {
                    plan.found(dead: instance)
                    onLoop { $0.forget(instance) }
                    continue
                }
                plan.asked(instance)
            case .wait(let patience):
                switch await answer(to: id, until: min(end, .now() + TimeAmount(patience))) {
                case .reply(let body): return body
                case .failure(let failure) where failure.code == .unavailable: plan.refused(failure)
                case .failure(let failure): throw .failed(failure)
                case nil: plan.becameImpatient()
                }
            case .pause(let time):
                _ = await answer(to: id, until: min(end, .now() + TimeAmount(time)))
                plan.paused()
                maximumAge = .zero
            case .giveUp(let failure):
                throw .failed(failure)
            }
        }
        throw plan.hasAsked ? .timedOut : .noInstance
    }

    private func open(_ id: RequestID) async -> Bool {
        await withCheckedContinuation { continuation in
            onLoop { continuation.resume(returning: $0.requests.open(id)) }
        }
    }

    /// Whether anybody listened.
    private func deliver(_ payload: ByteBuffer, to instance: InstanceAddress) async throws(BusError) -> Bool {
        do {
            return try await publish(payload, to: .instance(instance)) > 0
        } catch {
            throw .redis(error)
        }
    }

    private func instancesForRequest(
        of service: ServiceKind, maximumAge: Duration
    ) async throws(BusError) -> [InstanceAddress] {
        do {
            return try await instances(of: service, maximumAge: maximumAge)
        } catch {
            throw .redis(error)
        }
    }

    /// `nil` at the deadline or when the task is cancelled.
    private func answer(to id: RequestID, until deadline: NIODeadline) async -> BusAnswer? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                onLoop { $0.awaitAnswer(to: id, until: deadline, continuation) }
            }
        } onCancel: {
            onLoop { $0.cancelRequest(id) }
        }
    }
}

extension RequestID {
    static func fresh() -> Self {
        var random = SystemRandomNumberGenerator()
        return Self(at: .now, entropy: (random.next(), random.next()))
    }
}

extension Timestamp {
    /// The wall clock's time.
    static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }
}
