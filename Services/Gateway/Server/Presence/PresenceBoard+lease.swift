import Contracts
import GatewayDomain
import Logging
import NIOCore
import RedisBus

/// This gateway's lease, the leases of the others, and what happens when Redis has lost its memory.
extension PresenceBoard {
    private struct Beat {
        let marker: ByteBuffer?
        let isClaimed: Bool
        /// `nil` if the lease was not renewed.
        let hadLease: Bool?
        let ended: [InstanceID]

        init(_ replies: [RedisValue]) {
            marker = replies[0].bytes
            isClaimed = replies[1] != .null
            hadLease = replies.count > 2 ? replies[2] != .null : nil
            let members = replies.count > 4 ? replies[4].array ?? [] : []
            ended = members.compactMap { $0.text.flatMap { InstanceID($0) } }
        }
    }

    /// The link to Redis stands again. What was published meanwhile is lost, so everybody is read anew; but first it must
    /// be known whether Redis still has its memory.
    func restored() {
        isInformed = false
        beatLease(isRenewing: true) { [self] in
            watchers.refreshAll()
            scheduleFlush()
        }
    }

    /// Looks whether Redis has its memory, and renews this gateway's lease.
    func beatLease(isRenewing: Bool, then finish: (@Sendable () -> Void)? = nil) {
        guard !isDraining, !isBeating || finish != nil else { return }
        isBeating = true
        let lease = RedisArgument.key(.gatewayLease(gatewayID))
        var commands = [
            RedisCommand("GET", .key(.runMarker)), RedisCommand("GET", .key(.gatewayClaim(gatewayID))),
        ]
        if isRenewing {
            let life = Limits.gatewayUsersLife
            commands += [
                RedisCommand("SET", lease, "1", "PX", .milliseconds(timing.lease), "GET"),
                RedisCommand("PEXPIRE", .key(.gatewayUsers(gatewayID)), .milliseconds(life)),
                .evaluate(
                    PresenceScripts.beat, keys: [.gateways],
                    arguments: [.text("\(gatewayID)"), .milliseconds(timing.lease), .milliseconds(life)]),
            ]
        }
        bus.send(pipeline: commands) { [self] result in
            isBeating = false
            guard case .success(let replies) = result, !isDraining else { return }
            receive(Beat(replies))
            finish?()
        }
    }

    private func receive(_ beat: Beat) {
        let hasForgotten = runMarker != nil && beat.marker != runMarker
        runMarker = beat.marker
        isInformed = true
        if hasForgotten { announceAnew() }
        if let hadLease = beat.hadLease {
            // Without a claim nobody was told that these users have gone, so nobody needs to hear that they are here.
            if !hadLease, hasLease, !hasForgotten {
                if !beat.isClaimed { roster.hush() }
                roster.announceAll()
            }
            if beat.isClaimed {
                bus.send(pipeline: [RedisCommand("DEL", .key(.gatewayClaim(gatewayID)))]) { _ in }
            }
            hasLease = true
        }
        for gateway in beat.ended where gateway != gatewayID { takeOver(gateway) }
        scheduleFlush()
    }

    /// Redis has forgotten everybody. All gateways tell it again, at random moments and without publishing; until they
    /// have, who cannot be found is not taken for offline.
    private func announceAnew() {
        logger.notice("Redis has lost its memory", metadata: ["users": "\(roster.userCount)"])
        settled = now + timing.settle
        // At once: a beat may write some of them before their moment.
        roster.hush()
        let pause = timing.jitter * Double.random(in: 0...1)
        eventLoop.scheduleTask(in: TimeAmount(pause)) { [weak self] in
            self?.roster.announceAll()
            self?.scheduleFlush()
        }
        for look in [timing.firstLook, timing.settle] {
            eventLoop.scheduleTask(in: TimeAmount(look)) { [weak self] in
                self?.watchers.refreshAll()
                self?.scheduleFlush()
            }
        }
    }

    // MARK: Other gateways

    private func takeOver(_ dead: InstanceID) {
        guard takeovers[dead] == nil else { return }
        let takeover = GatewayTakeover(bus: bus, survivor: gatewayID, dead: dead, timing: timing, logger: logger)
        takeovers[dead] = Task { [weak self, eventLoop] in
            await takeover.run()
            eventLoop.execute { [weak self] in self?.takeovers[dead] = nil }
        }
    }

    /// The lease ends now. Without users there is nothing to take over.
    func giveLeaseBack() async {
        let hasUsers = try? await eventLoop.submit { [self] in
            publish()
            return roster.userCount > 0
        }.get()
        var commands = [RedisCommand("DEL", .key(.gatewayLease(gatewayID)))]
        if hasUsers == false {
            commands += [
                RedisCommand("ZREM", .key(.gateways), .text("\(gatewayID)")),
                RedisCommand("DEL", .key(.gatewayUsers(gatewayID))),
            ]
        } else {
            commands.append(RedisCommand("ZADD", .key(.gateways), "XX", 1, .text("\(gatewayID)")))
        }
        do throws(RedisError) {
            _ = try await bus.send(pipeline: commands)
        } catch {
            logger.info("The lease ends by itself.", metadata: ["error": "\(error)"])
        }
    }
}
