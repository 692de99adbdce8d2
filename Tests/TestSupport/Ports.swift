import Base
import Glibc

/// Ports of the loopback for the servers of tests, below those that the system gives to outgoing connections.
public enum Ports {
    private static let mutex = Mutex()
    nonisolated(unsafe) private static var given: Set<Int> = []

    /// The first of `count` neighbouring ports that nobody listens on; with `above`, those so much higher are free too.
    public static func free(_ count: Int = 1, above: Int? = nil) -> Int {
        mutex.withLock {
            while true {
                let first = Int.random(in: 10_500..<(above == nil ? 32_000 : 20_000))
                let ports = (first..<first + count).flatMap { port in [port] + (above.map { [port + $0] } ?? []) }
                guard given.isDisjoint(with: ports), ports.allSatisfy(isFree) else { continue }
                given.formUnion(ports)
                return first
            }
        }
    }

    private static func isFree(_ port: Int) -> Bool {
        let handle = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(handle) }
        var reuse: Int32 = 1
        setsockopt(handle, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(handle, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
