import Foundation

/// Linux's epoll(7). Swift's Glibc module leaves `<sys/epoll.h>` out, so its four calls are looked up in the C library.
///
/// Owned by one thread at a time.
///
/// SAFETY: the signatures are those of epoll_create1(2), epoll_ctl(2) and epoll_wait(2); the kernel writes at most
/// `capacity` events into memory that this object allocates in `init` and frees in `deinit`.
final class Epoll {
    /// What a socket is watched for; its bits are those of the kernel (linux/eventpoll.h).
    struct Interest: OptionSet {
        let rawValue: UInt32
        static let reading = Interest(rawValue: 0x001)
        static let writing = Interest(rawValue: 0x004)
        /// Told once for each arrival, not as long as something waits.
        static let edges = Interest(rawValue: 1 << 31)
    }

    private typealias Create = @convention(c) (Int32) -> Int32
    private typealias Control =
        @convention(c) (Int32, Int32, Int32, UnsafeMutableRawPointer?) -> Int32
    private typealias Wait = @convention(c) (Int32, UnsafeMutableRawPointer, Int32, Int32) -> Int32

    private static let capacity = 4096
    private static let add: Int32 = 1
    private static let remove: Int32 = 2
    private static let modify: Int32 = 3
    /// An event is 4 bytes of bits and 8 of data: packed on x86-64, aligned elsewhere.
    #if arch(x86_64)
        private static let dataOffset = 4
    #else
        private static let dataOffset = 8
    #endif
    private static let stride = dataOffset + 8

    private let descriptor: Int32
    private let control: Control
    private let wait: Wait
    private let events: UnsafeMutableRawBufferPointer

    /// - Throws: ``LoadFailure`` where there is no epoll.
    init() throws {
        // The handle for what is loaded already: a null one (dlopen(3), dlsym(3)).
        guard let create = dlsym(nil, "epoll_create1"), let control = dlsym(nil, "epoll_ctl"),
            let wait = dlsym(nil, "epoll_wait")
        else { throw LoadFailure("The C library has no epoll.") }
        self.control = unsafeBitCast(control, to: Control.self)
        self.wait = unsafeBitCast(wait, to: Wait.self)
        descriptor = unsafeBitCast(create, to: Create.self)(0)
        events = .allocate(byteCount: Self.capacity * Self.stride, alignment: 8)
        guard descriptor >= 0 else {
            throw LoadFailure("epoll_create1: \(String(cString: strerror(errno)))")
        }
    }

    deinit {
        close(descriptor)
        events.deallocate()
    }

    /// Watches a socket; its events carry `tag`.
    func add(_ socket: Int32, _ interest: Interest, tag: Int) throws {
        try change(Self.add, socket, interest, tag)
    }

    /// Watches a socket that is watched already for something else.
    func modify(_ socket: Int32, _ interest: Interest, tag: Int) throws {
        try change(Self.modify, socket, interest, tag)
    }

    /// Watches it no longer.
    func remove(_ socket: Int32) throws { try change(Self.remove, socket, [], 0) }

    private func change(_ operation: Int32, _ socket: Int32, _ interest: Interest, _ tag: Int) throws {
        let event = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.stride, alignment: 8)
        defer { event.deallocate() }
        event.storeBytes(of: interest.rawValue, as: UInt32.self)
        event.storeBytes(of: UInt64(tag), toByteOffset: Self.dataOffset, as: UInt64.self)
        guard control(descriptor, operation, socket, event.baseAddress) == 0 else {
            throw LoadFailure("epoll_ctl: \(String(cString: strerror(errno)))")
        }
    }

    /// Gives the tag of every socket that something happened to, until nothing more waits. Never blocks.
    /// - Returns: how many there were.
    @discardableResult
    func drain(_ body: (Int) throws -> Void) throws -> Int {
        guard let base = events.baseAddress else { return 0 }
        var total = 0
        while true {
            let count = Int(wait(descriptor, base, Int32(Self.capacity), 0))
            guard count > 0 else { return total }
            for index in 0..<count {
                let tag = events.loadUnaligned(
                    fromByteOffset: index * Self.stride + Self.dataOffset, as: UInt64.self)
                try body(Int(tag))
            }
            total += count
            if count < Self.capacity { return total }
        }
    }
}
