import Contracts
import Logging
import MediaCore
import NIOCore
import RedisBus
import ServiceKit

// Which workers have which room, and what Redis is told of that.
extension MediaNode {
    // MARK: On this node

    /// The worker of a seat: its own if it is taken again. One that has no seats of the room yet gets a relay to the others.
    func place(_ seat: Seat) -> Int {
        if let taken = seats[seat.participantID] { return taken.worker }
        let loads = workers.indices.map { worker in
            MediaNodeLoad(
                participants: seats.values.count { $0.worker == worker },
                rooms: spread.homes.values.count { $0 == worker }, busyPermille: busyness.permille[worker])
        }
        let counts = workers.indices.map { worker in
            seats.values.count { $0.worker == worker && $0.seat.channelID == seat.channelID }
        }
        let worker = spread.place(seat.channelID, loads: loads, seats: counts)
        var random = SystemRandomNumberGenerator()
        if let home = spread.homes[seat.channelID],
            let relay = spread.relay(seat.channelID, to: worker, using: &random)
        {
            let opening = Opening(channelID: seat.channelID, worker: worker)
            openings[opening] = Task {
                await open(relay, from: workers[home], to: workers[worker], epoch: seat.epoch)
                openings[opening] = nil
            }
        }
        return worker
    }

    /// The home's end first, so that the other knows of everybody before its first seat is taken. Where one cannot be opened
    /// that seat is refused.
    private func open(
        _ relay: (home: RelayEnd, away: RelayEnd), from home: WorkerThread, to away: WorkerThread, epoch: Int64
    ) async {
        let openedAt = Timestamp.now
        do {
            let roster = try await home.perform { worker, now in
                Result { () throws(SeatError) in
                    try worker.open(relay.home, epoch: epoch, openedAt: openedAt, now: now)
                }
            }.get()
            try await away.perform { worker, now in
                Result { () throws(SeatError) in
                    _ = try worker.open(relay.away, epoch: epoch, openedAt: openedAt, now: now)
                    worker.receive(roster, of: relay.away.id, now: now)
                }
            }.get()
        } catch {
            logger.error("no relay", metadata: ["channel": "\(relay.home.channelID)", "error": "\(error)"])
            _ = spread.receiver(of: .close, relay.home.id, toHome: true)
            home.post { worker, now in worker.receive(.close, of: relay.home.id, now: now) }
        }
    }

    // MARK: In Redis

    /// Tells Redis that this node lives and has these rooms, and learns which were placed anew with a higher epoch.
    func beat() async {
        let epochs = await compareWithWorkers()
        let channels = Array(epochs.keys)
        let commands =
            [loadCommand]
            + channels.map { channel in
                PlacementScript.beat(RoomPlacement(epoch: epochs[channel] ?? 0, node: id), of: channel)
            }
        do {
            let replies = try await bus.send(pipeline: commands)
            for (channel, reply) in zip(channels, replies.dropFirst()) {
                if let other = reply.text.flatMap({ RoomPlacement($0) }) { follow(other, of: channel) }
            }
        } catch {
            logger.debug("beat failed", metadata: ["error": "\(error)"])
        }
    }

    /// Tells how busy the node is.
    private var loadCommand: RedisCommand {
        let load = MediaNodeLoad(
            participants: seats.count, rooms: spread.homes.count, busyPermille: busyness.averagePermille,
            packetsPerSecond: busyness.packetsPerSecond, isDraining: state.isDraining)
        return RedisCommand(
            "SET", .key(.mediaNode(id)), .text(load.description), "PX", .milliseconds(Limits.mediaNodeLease))
    }

    /// Takes over from the workers what is kept here, so that nothing stays that is not there. Answers the rooms.
    private func compareWithWorkers() async -> [ChannelID: Int64] {
        var known: [ParticipantID: Taken] = [:]
        var epochs: [ChannelID: Int64] = [:]
        let before = seats
        var usages: [WorkerUsage] = []
        for (index, thread) in workers.enumerated() {
            let (usage, census) = await thread.look { worker, _ in worker.census() }
            usages.append(usage)
            epochs.merge(census.rooms) { max($0, $1) }
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
        let indices = spread.workers(of: channel)
        if placement.node != id, !indices.isEmpty {
            logger.notice("a room is placed elsewhere", metadata: ["channel": "\(channel)", "by": "\(placement)"])
        }
        for index in indices {
            workers[index].post { [id] worker, now in
                if placement.node == id {
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
