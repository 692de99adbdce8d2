import Base
import Dispatch
import NIOCore

/// The connections that are open, so that their number can be limited and they can be told to end.
final class Connections: @unchecked Sendable {
    /// What a connection is told when the server is about to end.
    struct Drain {}

    private let limit: Int
    private let mutex = Mutex()
    private var open: [ObjectIdentifier: any Channel] = [:]
    private var isDraining = false

    init(limit: Int) { self.limit = limit }

    /// - Returns: false when there are too many.
    func enter(_ channel: any Channel) -> Bool {
        let (isWelcome, isLate) = mutex.withLock {
            open[ObjectIdentifier(channel)] = channel
            return (open.count <= limit, isDraining)
        }
        channel.closeFuture.whenComplete { _ in
            self.mutex.withLock { _ = self.open.removeValue(forKey: ObjectIdentifier(channel)) }
        }
        if isLate { channel.pipeline.fireUserInboundEventTriggered(Drain()) }
        return isWelcome
    }

    /// Tells all connections to end after the request they are at.
    func drain() {
        let channels = mutex.withLock {
            isDraining = true
            return Array(open.values)
        }
        for channel in channels { channel.pipeline.fireUserInboundEventTriggered(Drain()) }
    }

    func waitUntilEmpty(seconds: Int64) {
        let end = DispatchTime.now() + .seconds(Int(seconds))
        let pause = DispatchSemaphore(value: 0)
        while !mutex.withLock({ open.isEmpty }), DispatchTime.now() < end {
            _ = pause.wait(timeout: .now() + .milliseconds(5))
        }
    }
}
