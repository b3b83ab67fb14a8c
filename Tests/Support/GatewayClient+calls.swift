package import Contracts
import ServiceKit

/// What the latest socket of a device was told of its call, each kind in the order of arrival.
package struct CallFrames: Sendable {
    package private(set) var joined: [CallJoined] = []
    package private(set) var failures: [CallFailed] = []
    package private(set) var answers: [CallAnswer] = []
    package private(set) var states: [CallState] = []
    package private(set) var speakers: [CallSpeakers] = []
    package private(set) var ended: [CallEnded] = []

    /// The state with the highest revision, that of joining included.
    package var newest: CallState? { (joined.map(\.state) + states).max { $0.revision < $1.revision } }

    mutating func receive(_ frame: ServerFrame) {
        switch frame {
        case .callJoined(let frame): joined.append(frame)
        case .callFailed(let frame): failures.append(frame)
        case .callAnswer(let frame): answers.append(frame)
        case .callState(let frame): states.append(frame)
        case .callSpeakers(let frame): speakers.append(frame)
        case .callEnded(let frame): ended.append(frame)
        default: break
        }
    }
}

/// A call frame came that refuses what was asked.
package struct CallRefused: Error {
    package let frame: CallFailed
}

extension GatewayClient {
    /// Asks for a seat and waits for it.
    /// - Throws: ``CallRefused``.
    package func joinCall(
        of channel: ChannelID, as participant: ParticipantID? = nil, within limit: Duration = .seconds(5)
    ) async throws -> CallJoined {
        try await ask(.callJoin(CallJoin(channelID: channel, participantID: participant)), \.joined, within: limit)
    }

    /// Sends an offer and waits for its answer.
    /// - Throws: ``CallRefused``.
    package func offer(
        _ number: Int, sdp: String, publications: [CallPublication] = [], within limit: Duration = .seconds(10)
    ) async throws -> CallAnswer {
        let offer = CallOffer(number: number, sdp: sdp, publications: publications)
        return try await ask(.callOffer(offer), \.answers, within: limit)
    }

    /// Tells which sources are on. Nothing answers it.
    package func updateCall(active: [CallSource]) async throws {
        try await send(.callUpdate(CallUpdate(active: active)))
    }

    /// Gives up the seat and waits until it is gone.
    package func leaveCall(within limit: Duration = .seconds(5)) async throws -> CallEnded {
        try await ask(.callLeave(CallLeave()), \.ended, within: limit)
    }

    /// Waits for a newest state that is as wanted.
    @discardableResult
    package func callState(
        _ what: String, within limit: Duration = .seconds(5),
        _ isWanted: @escaping @Sendable (CallState) -> Bool
    ) async throws -> CallState {
        try await wait(for: what, within: limit) { $0.call.newest.map(isWanted) ?? false }
        guard let state = state.call.newest, isWanted(state) else { throw Timeout("\(what) has gone again") }
        return state
    }

    /// Waits until the seat is gone without the device's doing.
    package func callEnd(within limit: Duration = .seconds(5)) async throws -> CallEnded {
        try await wait(for: "the end of the call", within: limit) { !$0.call.ended.isEmpty }
        guard let ended = state.call.ended.last else { throw Timeout("the end of the call has gone again") }
        return ended
    }

    /// Sends a frame and waits for one more of its answers, or of the failures.
    private func ask<Answer>(
        _ frame: ClientFrame, _ answers: @escaping @Sendable (CallFrames) -> [Answer], within limit: Duration
    ) async throws -> Answer {
        let before = state.call
        let (answerCount, failureCount) = (answers(before).count, before.failures.count)
        try await send(frame)
        try await wait(for: "the answer to a call frame", within: limit) { state in
            answers(state.call).count > answerCount || state.call.failures.count > failureCount
        }
        let call = state.call
        if call.failures.count > failureCount { throw CallRefused(frame: call.failures[failureCount]) }
        return answers(call)[answerCount]
    }
}
