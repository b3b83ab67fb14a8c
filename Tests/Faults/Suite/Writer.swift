import Contracts
import RoostClient
import TestSupport

/// One person who writes: does one thing after another, each until it is acknowledged, and remembers what must be true
/// afterwards.
struct Writer {
    /// A message of which something was acknowledged, or is not known.
    struct Written {
        let channel: ChannelID
        let key: String
        /// What may be the text now; `nil` stands for deleted. More than one while an answer is missing.
        var texts: Set<String?>
        /// `nil` until its sending was acknowledged.
        var id: MessageID?
    }

    let person: Cast.Person
    let cast: Cast
    /// Whether this person says who is in the private channel and who sees the shy one; the others leave and join the open
    /// one instead.
    let manages: Bool
    private var random: SeededRandom
    private(set) var written: [Written] = []
    /// Acknowledged requests.
    private(set) var acknowledged = 0
    /// Requests of which nothing is known at the end.
    private(set) var unknown = 0
    /// Answers that no fault explains.
    private(set) var surprises: [String] = []
    private var isInOpen = true
    private var isGuestIn = true
    private var knownSeq: [ChannelID: StreamSequence] = [:]
    private var lastKey = 0

    init(_ person: Cast.Person, in cast: Cast, manages: Bool, random: SeededRandom) {
        self.person = person
        self.cast = cast
        self.manages = manages
        self.random = random
    }

    /// Writes until a moment; a request that is under way then is still waited for.
    mutating func run(until end: ContinuousClock.Instant) async throws {
        while ContinuousClock.now < end {
            await act()
            try await Task.sleep(for: .milliseconds(Int.random(in: 20...90, using: &random)))
        }
    }

    private mutating func act() async {
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<10: await send()
        case 10, 11, 12: await edit()
        case 13, 14: await delete()
        case 15, 16: await markRead()
        case 17: await markUnread()
        case 18: await rename()
        default: if manages { await manage() } else { await wander() }
        }
    }

    private mutating func anyChannel() -> ChannelID {
        let channels = cast.channels.filter { $0 != cast.open || isInOpen }
        return channels.randomElement(using: &random) ?? cast.general
    }

    // MARK: Messages

    private mutating func send() async {
        let channel = anyChannel()
        lastKey += 1
        let key = "\(person.name)-\(lastKey)"
        var text = "message \(lastKey)"
        if Int.random(in: 0..<5, using: &random) == 0, let named = cast.people.randomElement(using: &random) {
            text += Bool.random(using: &random) ? " @\(named.name)" : " @all"
        }
        written.append(Written(channel: channel, key: key, texts: [text, nil]))
        let index = written.count - 1
        let request = SendMessageRequest(content: text, idempotencyKey: key)
        let message = await ask("send \(key)") { api in
            try await api.call(Endpoints.sendMessage, path: [channel], body: request)
        }
        guard let message else { return }
        if message.content != text { surprises.append("sent “\(text)”, and the answer says “\(message.content)”") }
        written[index].id = message.id
        written[index].texts = [text]
        knownSeq[channel] = max(knownSeq[channel] ?? 0, message.seq)
    }

    /// The index of a message that is certainly there, in a channel this person is in.
    private mutating func anyOwn() -> (index: Int, id: MessageID)? {
        let candidates = written.indices.suffix(30).filter { index in
            written[index].id != nil && !written[index].texts.contains(nil)
                && (written[index].channel != cast.open || isInOpen)
        }
        guard let index = candidates.randomElement(using: &random), let id = written[index].id else { return nil }
        return (index, id)
    }

    private mutating func edit() async {
        guard let (index, id) = anyOwn() else { return }
        lastKey += 1
        let (channel, text) = (written[index].channel, "edit \(lastKey)")
        written[index].texts.insert(text)
        let message = await ask("edit \(id)") { api in
            try await api.call(
                Endpoints.editMessage, path: [channel, id], body: EditMessageRequest(content: text))
        }
        if message != nil { written[index].texts = [text] }
    }

    private mutating func delete() async {
        guard let (index, id) = anyOwn() else { return }
        let channel = written[index].channel
        written[index].texts.insert(nil)
        let answer = await ask("delete \(id)") { api in
            try await api.call(Endpoints.deleteMessage, path: [channel, id])
        }
        if answer != nil { written[index].texts = [nil] }
    }

    // MARK: Others

    private mutating func markRead() async {
        let channel = anyChannel()
        let seq = Int64.random(in: 0...(knownSeq[channel] ?? 0), using: &random)
        await ask("mark read") { api in
            try await api.call(Endpoints.markRead, path: [channel], body: MarkReadRequest(seq: seq))
        }
    }

    private mutating func markUnread() async {
        let channel = anyChannel()
        let seq = Int64.random(in: 1...max(knownSeq[channel] ?? 1, 1), using: &random)
        await ask("mark unread") { api in
            try await api.call(Endpoints.markUnread, path: [channel], body: MarkUnreadRequest(seq: seq))
        }
    }

    private mutating func rename() async {
        lastKey += 1
        let (channel, topic) = (anyChannel(), "topic \(lastKey) of \(person.name)")
        await ask("rename") { api in
            try await api.call(Endpoints.updateChannel, path: [channel], body: UpdateChannelRequest(topic: topic))
        }
    }

    private mutating func wander() async {
        let open = cast.open
        if isInOpen {
            // Left or not, nothing more is written there unless joining was acknowledged.
            isInOpen = false
            await ask("leave") { api in try await api.call(Endpoints.leaveChannel, path: [open]) }
        } else {
            let joined = await ask("join") { api in try await api.call(Endpoints.joinChannel, path: [open]) }
            isInOpen = joined != nil
        }
    }

    private mutating func manage() async {
        let (secret, shy) = (cast.secret, cast.shy)
        guard let guest = cast.people.last?.id else { return }
        if Bool.random(using: &random) {
            let visibility: ChannelVisibility = Bool.random(using: &random) ? .public : .private
            await ask("show or hide") { api in
                try await api.call(
                    Endpoints.updateChannel, path: [shy], body: UpdateChannelRequest(visibility: visibility))
            }
        } else if isGuestIn {
            isGuestIn = false
            await ask("remove") { api in try await api.call(Endpoints.removeChannelMember, path: [secret, guest]) }
        } else {
            let added = await ask("add") { api in
                try await api.call(
                    Endpoints.addChannelMember, path: [secret], body: AddChannelMemberRequest(userID: guest))
            }
            isGuestIn = added != nil
        }
    }

    /// What was answered, or `nil`: then nobody knows whether it was done.
    @discardableResult
    private mutating func ask<Answer: Sendable>(
        _ what: String, _ request: (RoostAPI) async throws -> Answer
    ) async -> Answer? {
        do {
            let answer = try await request(person.api)
            acknowledged += 1
            return answer
        } catch let error as ProblemError {
            // The API retries what faults explain for as long as it is patient.
            if error.problem.status < 500 { surprises.append("\(what) of \(person.name): \(error)") }
            unknown += 1
            return nil
        } catch {
            unknown += 1
            return nil
        }
    }
}
