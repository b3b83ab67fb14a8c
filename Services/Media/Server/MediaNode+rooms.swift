import Contracts
import Logging
import MediaCore
import NIOCore
import RedisBus
import ServiceKit

// Which workers have which room, and what Redis is told of that.
extension MediaNode {
    // MARK: On this node

    /// The worker of a seat: its own if it is taken again. One that has no seats of the room yet gets a relay to the home.
    func place(_ seat: Seat) -> Int {
        if let taken = seats[seat.participantID], spread.workers(of: seat.channelID).contains(taken.worker) {
            return taken.worker
        }
        let worker = place(seat.channelID, epoch: seat.epoch)
        let opening = Opening(channelID: seat.channelID, worker: worker)
        if openings[opening] == nil, let home = spread.missingRelay(seat.channelID, to: worker) {
            openings[opening] = Task {
                defer { openings[opening] = nil }
                try await open(to: worker, from: home, of: seat)
            }
        }
        return worker
    }

    /// The worker of a room's next seat.
    func place(_ channel: ChannelID, epoch: Int64) -> Int {
        let loads = workers.indices.map { worker in
            MediaNodeLoad(
                participants: seats.values.count { $0.worker == worker }, rooms: spread.homeCount(of: worker),
                busyPermille: busyness.permille[worker])
        }
        let counts = workers.indices.map { worker in
            seats.values.count { $0.worker == worker && $0.seat.channelID == channel }
        }
        return spread.place(channel, epoch: epoch, loads: loads, seats: counts)
    }

    /// Takes over where a grant says that a room is. Who sits here in a room that has another home now has to take the seat
    /// anew.
    func settle(_ placement: RoomPlacement, of channel: ChannelID) throws {
        switch spread.settle(channel, at: placement.node == id ? nil : placement.node, epoch: placement.epoch) {
        case .settled: break
        case .outdated: throw BusFailure(.conflict, "The call has moved; join again.")
        case .moved(let indices):
            for index in indices { workers[index].post { worker, now in worker.move(room: channel, now: now) } }
        }
    }

    // MARK: In Redis

    /// Tells Redis that this node lives and has these rooms, and learns which were placed anew with a higher epoch.
    func beat() async {
        let epochs = await compareWithWorkers()
        // Of those that only help here it is looked where they are.
        let helped = spread.homes.filter { spread.homeWorker(of: $0.key) == nil }
        let channels = Array(epochs.keys) + helped.keys
        let commands =
            [loadCommand]
            + epochs.map { PlacementScript.beat(RoomPlacement(epoch: $0.value, node: id), of: $0.key) }
            + helped.keys.map { RedisCommand("GET", .key(.mediaRoom($0))) }
        do {
            let replies = try await bus.send(pipeline: commands)
            for (channel, reply) in zip(channels, replies.dropFirst()) {
                if let other = reply.text.flatMap({ RoomPlacement($0) }) { follow(other, of: channel) }
            }
        } catch {
            logger.debug("beat failed", metadata: ["error": "\(error)"])
        }
    }

    /// Tells at once that the node is full, or no longer, for seats that are granted before the next beat tells so.
    func tellLoad() async { _ = try? await bus.send(loadCommand) }

    /// Tells how busy the node is.
    private var loadCommand: RedisCommand {
        let load = MediaNodeLoad(
            participants: seats.count, rooms: spread.homes.count, busyPermille: busyness.averagePermille,
            packetsPerSecond: busyness.packetsPerSecond, isDraining: state.isDraining,
            isFull: seats.count >= seatCount)
        return RedisCommand(
            "SET", .key(.mediaNode(id)), .text(load.description), "PX", .milliseconds(Limits.mediaNodeLease))
    }

    /// Takes over from the workers what is kept here, so that nothing stays that is not there. Answers the rooms.
    private func compareWithWorkers() async -> [ChannelID: Int64] {
        var known: [ParticipantID: Taken] = [:]
        var epochs: [ChannelID: Int64] = [:]
        let before = seats
        let relays = spread.openRelays
        var held: [Set<RelayID>] = []
        var usages: [WorkerUsage] = []
        for (index, thread) in workers.enumerated() {
            let (usage, census) = await thread.look { worker, _ in worker.census() }
            usages.append(usage)
            epochs.merge(census.rooms) { max($0, $1) }
            held.append(census.relays)
            for (seat, number) in census.seats {
                known[seat.participantID] = Taken(seat: seat, number: number, worker: index)
            }
        }
        busyness.look(at: usages, now: .now)
        // What changed while the workers were asked is newer than their answers.
        for (id, taken) in before where known[id] == nil && seats[id]?.number == taken.number {
            seats[id] = nil
            forgetUnused(taken.seat)
        }
        for (id, taken) in known where seats[id] == nil && before[id] == nil && joining[id] == nil {
            workers[taken.worker].post { worker, now in worker.remove(id, .timedOut, now: now) }
        }
        recentJoins = recentJoins.filter { user, _ in watches[user] != nil }
        for (id, toHome) in spread.lost(of: relays, held: held) { await pass(.close, of: id, toHome: toHome) }
        return epochs
    }

    /// Keeps a new room's placement before anyone is told of the seat, and tells that there is one more: those who place
    /// rooms until the next beat should know.
    func announce(_ seat: Seat) async throws {
        let beat = PlacementScript.beat(RoomPlacement(epoch: seat.epoch, node: id), of: seat.channelID)
        guard let reply = try? await bus.send(pipeline: [beat, loadCommand]).first,
            let other = reply.text.flatMap({ RoomPlacement($0) })
        else { return }
        follow(other, of: seat.channelID)
        if other.node != id { throw BusFailure(.conflict, "The call has moved; join again.") }
    }

    /// The room was placed anew: here, then it goes on; elsewhere, then its participants go there.
    private func follow(_ placement: RoomPlacement, of channel: ChannelID) {
        // A room that helps here stays while its home is where it was.
        guard let home = spread.homes[channel], home.place != .node(placement.node), placement.epoch >= home.epoch
        else { return }
        let indices = spread.workers(of: channel)
        if placement.node != id, !indices.isEmpty {
            logger.notice("a room is placed elsewhere", metadata: ["channel": "\(channel)", "by": "\(placement)"])
        }
        let isHere = placement.node == id && spread.homeWorker(of: channel) != nil
        if isHere { _ = spread.settle(channel, at: nil, epoch: placement.epoch) }
        for index in indices {
            workers[index].post { worker, now in
                if isHere {
                    worker.raise(channel, to: placement.epoch)
                } else {
                    worker.move(room: channel, now: now)
                }
            }
        }
    }

    /// Sends everyone to other nodes. First it is said that this one is going away, so that whoever asks where a room is
    /// has it placed anew; then the rooms are told.
    func drain() async {
        state.beginDraining()
        await beat()
        for channel in spread.homes.keys {
            for index in spread.workers(of: channel) {
                workers[index].post { worker, now in worker.move(room: channel, now: now) }
            }
        }
    }
}
