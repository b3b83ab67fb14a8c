/// Thrown when a condition did not come true in time.
package struct Timeout: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// Asks again and again until the answer is not `nil`, and returns it. For what has no event to wait on, such as a row
/// in a database.
/// - Throws: ``Timeout`` after the deadline; whatever `condition` throws, at once.
@discardableResult
package func eventually<Value>(
    _ what: String, within limit: Duration = .seconds(5), _ condition: () async throws -> Value?
) async throws -> Value {
    let deadline = ContinuousClock.now + limit
    while true {
        if let value = try await condition() { return value }
        guard ContinuousClock.now < deadline else { throw Timeout("\(what): not within \(limit)") }
        try await Task.sleep(for: .milliseconds(10))
    }
}

/// Runs the same work for each item at once and returns the results in the items' order.
package func concurrently<Item: Sendable, Value: Sendable>(
    _ items: some Sequence<Item>, _ work: @escaping @Sendable (Item) async throws -> Value
) async throws -> [Value] {
    try await withThrowingTaskGroup(of: (Int, Value).self) { group in
        for (index, item) in items.enumerated() { group.addTask { (index, try await work(item)) } }
        var results: [(Int, Value)] = []
        for try await result in group { results.append(result) }
        return results.sorted { $0.0 < $1.0 }.map(\.1)
    }
}
