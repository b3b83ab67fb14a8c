import Glibc

/// Runs `body` on a new thread of its own, for work that blocks: libpq's handshake, the poll loop, migrations. Neither an
/// event loop nor the cooperative pool may wait for those.
func startBlockingThread(_ body: @escaping @Sendable () -> Void) throws(ThreadFailure) {
    final class Start {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    // SAFETY: retained here, released exactly once: by the new thread, or below when there is none.
    let start = Unmanaged.passRetained(Start(body))
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    defer { pthread_attr_destroy(&attributes) }
    var thread = pthread_t()
    let code = pthread_create(
        &thread, &attributes,
        { start in
            if let start { Unmanaged<Start>.fromOpaque(start).takeRetainedValue().body() }
            return nil
        }, start.toOpaque())
    guard code == 0 else {
        start.release()
        throw ThreadFailure(code: code)
    }
}

/// The system refused a thread. `code` is an errno value.
struct ThreadFailure: Error {
    var code: Int32
}
